/** The limits of connections. `reserved_connections` exists since PostgreSQL 16; a limit of -1 means none. */
export const slotsQuery = `
SELECT pg_catalog.json_strip_nulls(pg_catalog.json_build_object(
  'max', pg_catalog.current_setting('max_connections')::pg_catalog.int4,
  'reserved', pg_catalog.current_setting('superuser_reserved_connections')::pg_catalog.int4
    + coalesce(pg_catalog.current_setting('reserved_connections', true)::pg_catalog.int4, 0),
  'databaseLimit', (SELECT nullif(d.datconnlimit, -1) FROM pg_catalog.pg_database AS d
    WHERE d.datname = pg_catalog.current_database())
))::pg_catalog.text AS slots`
