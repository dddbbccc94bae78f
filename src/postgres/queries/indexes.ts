/** Indexes left by an interrupted CREATE or REINDEX INDEX CONCURRENTLY, without those that are being built. */
export const invalidIndexesQuery = `
SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
  'id', i.indexrelid::pg_catalog.int8,
  'schema', n.nspname,
  'name', c.relname,
  'table', t.relname) ORDER BY n.nspname, c.relname), '[]')::pg_catalog.text AS indexes
FROM pg_catalog.pg_index AS i
JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
JOIN pg_catalog.pg_class AS t ON t.oid = i.indrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE NOT i.indisvalid AND c.relkind = 'i'
  AND NOT EXISTS (
    SELECT FROM pg_catalog.pg_stat_progress_create_index AS p
    WHERE p.datname = pg_catalog.current_database() AND p.index_relid = i.indexrelid)`
