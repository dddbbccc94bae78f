/** The server, and the permissions of the connected role. */
export const serverQuery = `
SELECT pg_catalog.json_strip_nulls(pg_catalog.json_build_object(
  'version', pg_catalog.current_setting('server_version'),
  'versionNumber', pg_catalog.current_setting('server_version_num')::pg_catalog.int4,
  'database', pg_catalog.current_database(),
  'databaseId', (SELECT d.oid::pg_catalog.int8 FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database()),
  'role', current_user,
  'address', pg_catalog.host(pg_catalog.inet_server_addr()),
  'port', pg_catalog.inet_server_port(),
  'seesAll', pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE'),
  'inRecovery', pg_catalog.pg_is_in_recovery()
))::pg_catalog.text AS server`
