-- Up Migration
ALTER TABLE datasets ADD COLUMN name text;

-- Down Migration
ALTER TABLE datasets DROP COLUMN name;
