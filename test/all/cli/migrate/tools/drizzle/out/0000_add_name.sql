ALTER TABLE "datasets" ADD COLUMN "name" text;
