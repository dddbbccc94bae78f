/**
 * The names of relations and other objects of this database. Separate from the activity, because it reads catalogs that
 * may be locked themselves. $1: oids of relations. $2: `classid/objid/objsubid`.
 */
export const namesQuery = `
SELECT pg_catalog.json_build_object(
  'relations', coalesce((SELECT pg_catalog.json_object_agg(c.oid, pg_catalog.format('%I.%I', n.nspname, c.relname))
    FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.oid = ANY ($1::pg_catalog.oid[])), '{}'),
  'objects', coalesce((SELECT pg_catalog.json_object_agg(o.key, pg_catalog.pg_describe_object(
      pg_catalog.split_part(o.key, '/', 1)::pg_catalog.oid, pg_catalog.split_part(o.key, '/', 2)::pg_catalog.oid,
      pg_catalog.split_part(o.key, '/', 3)::pg_catalog.int4))
    FROM pg_catalog.unnest($2::pg_catalog.text[]) AS o(key)), '{}')
)::pg_catalog.text AS names`
