import { advisoryKey } from './advisory.ts'

/**
 * The sessions, their blockers and their lock waits in one statement, so that all data is from the same moment as far
 * as the server allows. `pg_blocking_pids` is called once per waiting process, because each call locks all partitions
 * of the lock table.
 *
 * - On a standby, `pg_blocking_pids` does not include the startup process, which replays exclusive locks of the
 *   primary: every session with a lock on the same object blocks it.
 * - Oids are cast to int8, because JSON would contain them as strings.
 * - `object` identifies the locked object, in a form that can be hashed.
 * - `session` is the leader of a parallel worker, and the process itself otherwise.
 * - Locks of prepared transactions have no pid. They are found by the virtual transaction that they share with the lock
 *   on their own transaction id; `pg_blocking_pids` only returns 0.
 * - A statement has the encoding of its own database, but the server assumes that of the connected one, and fails to
 *   convert it. Statements of other databases are returned as bytes. `quote_literal` doubles backslashes byte by byte,
 *   as `decode` requires.
 * - Times are in UTC, to the microsecond, independent of the session's settings, because they are compared later.
 */
export const activityQuery = `
WITH activity AS MATERIALIZED (
  SELECT a.*, coalesce(a.leader_pid, a.pid) AS session FROM pg_catalog.pg_stat_activity AS a
), locks AS MATERIALIZED (
  SELECT l.*, coalesce(a.session, l.pid) AS session,
         ROW(l.locktype, l.database, l.relation, l.page, l.tuple, l.virtualxid, l.transactionid,
             l.classid, l.objid, l.objsubid)::pg_catalog.text AS object
  FROM pg_catalog.pg_locks AS l LEFT JOIN activity AS a ON a.pid = l.pid
), awaited AS MATERIALIZED (
  SELECT * FROM locks WHERE NOT granted
), held AS MATERIALIZED (
  SELECT DISTINCT w.session AS blocked, h.session AS blocker, h.virtualtransaction, h.mode
  FROM awaited AS w JOIN locks AS h ON h.object = w.object AND h.granted AND h.session IS DISTINCT FROM w.session
), edges AS MATERIALIZED (
  SELECT DISTINCT a.session AS blocked, b.pid AS blocker
  FROM activity AS a
  CROSS JOIN LATERAL pg_catalog.unnest(
    CASE WHEN a.wait_event = 'SafeSnapshot' THEN pg_catalog.pg_safe_snapshot_blocking_pids(a.pid)
         ELSE pg_catalog.pg_blocking_pids(a.pid) END) AS b(pid)
  WHERE (a.wait_event = 'SafeSnapshot' OR a.pid IN (SELECT pid FROM awaited)) AND b.pid <> a.session
  UNION
  SELECT h.blocked, h.blocker FROM held AS h JOIN activity AS a ON a.pid = h.blocked
  WHERE a.backend_type = 'startup' AND h.blocker IS NOT NULL
), held_by_session AS MATERIALIZED (
  SELECT blocked, blocker, pg_catalog.array_agg(mode) AS modes
  FROM held WHERE blocker IS NOT NULL GROUP BY blocked, blocker
), held_by_prepared AS MATERIALIZED (
  SELECT x.transactionid, h.blocked, pg_catalog.array_agg(h.mode) AS modes
  FROM locks AS x JOIN held AS h ON h.blocker IS NULL AND h.virtualtransaction = x.virtualtransaction
  WHERE x.pid IS NULL AND x.locktype = 'transactionid' GROUP BY x.transactionid, h.blocked
), elsewhere AS MATERIALIZED (
  SELECT d.oid FROM pg_catalog.pg_database AS d
  WHERE pg_catalog.getdatabaseencoding() = 'SQL_ASCII'
     OR pg_catalog.pg_encoding_to_char(d.encoding) <> pg_catalog.getdatabaseencoding()
), shown AS MATERIALIZED (
  SELECT * FROM activity
  WHERE pid IN (SELECT blocked FROM edges UNION SELECT blocker FROM edges UNION SELECT session FROM awaited)
     OR (leader_pid IS NULL AND pid <> pg_catalog.pg_backend_pid()
         AND (backend_type = 'client backend' OR (backend_type IS NULL AND datid IS NOT NULL)))
)
SELECT pg_catalog.json_strip_nulls(pg_catalog.json_build_object(
  'takenAt', pg_catalog.to_char(pg_catalog.clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
  'sessions', coalesce((SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
      'pid', pid,
      'hidden', backend_type IS NULL,
      'backendType', backend_type,
      'backendStart', pg_catalog.to_char(backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
      'user', usename,
      'database', datname,
      'application', nullif(application_name, ''),
      'clientAddress', CASE WHEN client_port = -1 THEN 'local' ELSE pg_catalog.host(client_addr) END,
      'clientPort', nullif(client_port, -1),
      'state', state,
      'stateChange', pg_catalog.to_char(state_change AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
      'stateMillis', pg_catalog.round(1000 * extract(epoch FROM pg_catalog.clock_timestamp() - state_change)),
      'transactionStart', pg_catalog.to_char(xact_start AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
      'transactionMillis', pg_catalog.round(1000 * extract(epoch FROM pg_catalog.clock_timestamp() - xact_start)),
      'waitEventType', wait_event_type,
      'waitEvent', wait_event,
      'query', CASE WHEN backend_type IS NOT NULL AND coalesce(datid NOT IN (SELECT oid FROM elsewhere), true)
                    THEN nullif(query, '') END,
      'queryBytes', CASE WHEN backend_type IS NOT NULL AND datid IN (SELECT oid FROM elsewhere) THEN pg_catalog.encode(
        pg_catalog.decode(pg_catalog.quote_literal(nullif(query, '')), 'escape'), 'base64') END)
    ORDER BY backend_start NULLS LAST, pid) FROM shown), '[]'),
  'blocks', coalesce((SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
      'blocked', e.blocked, 'blocker', e.blocker, 'held', coalesce(h.modes, '{}'))
    ORDER BY e.blocked, e.blocker) FROM edges AS e LEFT JOIN held_by_session AS h USING (blocked, blocker)), '[]'),
  'waits', coalesce((SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
      'pid', w.session, 'lockType', w.locktype, 'mode', w.mode, 'database', w.database::pg_catalog.int8, 'relation', w.relation::pg_catalog.int8,
      'page', w.page, 'tuple', w.tuple, 'virtualTransaction', w.virtualxid, 'transaction', w.transactionid::pg_catalog.text,
      'classId', w.classid::pg_catalog.int8, 'objectId', w.objid::pg_catalog.int8, 'objectSubId', w.objsubid,
      'advisoryKey', CASE WHEN w.locktype = 'advisory' THEN ${advisoryKey('w')} END,
      'row', (SELECT pg_catalog.json_build_object('database', t.database::pg_catalog.int8, 'relation', t.relation::pg_catalog.int8, 'page', t.page, 'tuple', t.tuple)
              FROM locks AS t WHERE t.pid = w.pid AND t.granted AND t.locktype = 'tuple'
                AND w.locktype = 'transactionid' LIMIT 1),
      'millis', pg_catalog.round(1000 * extract(epoch FROM pg_catalog.clock_timestamp() - w.waitstart)))
    ORDER BY w.session)
    FROM (SELECT DISTINCT ON (session) * FROM awaited ORDER BY session, pid <> session, waitstart) AS w), '[]'),
  'prepared', coalesce((SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
      'gid', p.gid, 'owner', p.owner, 'database', p.database,
      'preparedAt', pg_catalog.to_char(p.prepared AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
      'millis', pg_catalog.round(1000 * extract(epoch FROM pg_catalog.clock_timestamp() - p.prepared)),
      'holds', coalesce((SELECT pg_catalog.json_agg(pg_catalog.json_build_object('blocked', h.blocked, 'held', h.modes))
        FROM held_by_prepared AS h WHERE h.transactionid = p.transaction), '[]'))
    ORDER BY p.prepared, p.gid) FROM pg_catalog.pg_prepared_xacts AS p), '[]')
))::pg_catalog.text AS activity`
