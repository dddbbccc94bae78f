/**
 * The statement that signals checks the session's identity, because the pid may belong to another session by now, and
 * the session may have continued its work. $1: pid, $2: backend start, $3: state change or NULL, $4: state or NULL.
 */
const same = `
FROM pg_catalog.pg_stat_activity AS a
WHERE a.pid = $1 AND a.pid <> pg_catalog.pg_backend_pid() AND a.backend_type = 'client backend'
  AND a.backend_start = $2::pg_catalog.timestamptz
  AND ($3::pg_catalog.text IS NULL OR a.state_change = $3::pg_catalog.timestamptz)
  AND ($4::pg_catalog.text IS NULL OR a.state = $4)`

/** $5: the time to wait for the end, in milliseconds. */
export const terminateQuery = `SELECT pg_catalog.pg_terminate_backend(a.pid, $5::pg_catalog.int8) AS done ${same}`

export const cancelQuery = `SELECT pg_catalog.pg_cancel_backend(a.pid) AS done ${same} AND a.state = 'active'`

/** The present session with a pid. $1: pid */
export const identityQuery = `
SELECT coalesce((SELECT pg_catalog.json_strip_nulls(pg_catalog.json_build_object(
  'pid', a.pid,
  'own', a.pid = pg_catalog.pg_backend_pid(),
  'backendType', a.backend_type,
  'backendStart', pg_catalog.to_char(a.backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
  'stateChange', pg_catalog.to_char(a.state_change AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
  'state', a.state,
  'user', a.usename,
  'role', current_user,
  'superuser', (SELECT r.rolsuper FROM pg_catalog.pg_roles AS r WHERE r.oid = a.usesysid)))
FROM pg_catalog.pg_stat_activity AS a WHERE a.pid = $1), '{}')::pg_catalog.text AS identity`
