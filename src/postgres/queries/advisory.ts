/** The key of an advisory lock in a row of `pg_locks`, in the form of the call: `-9007199254740993`, or `7, -3`. */
export const advisoryKey = (row: string) => `CASE ${row}.objsubid
          WHEN 1 THEN ((${row}.classid::pg_catalog.int8 << 32) | ${row}.objid::pg_catalog.int8)::pg_catalog.text
          ELSE (${row}.classid::pg_catalog.int8::pg_catalog.bit(32)::pg_catalog.int4)::pg_catalog.text || ', '
            || (${row}.objid::pg_catalog.int8::pg_catalog.bit(32)::pg_catalog.int4)::pg_catalog.text END`

/** The advisory locks that sessions hold in this database, awaited or not. */
export const advisoryLocksQuery = `
SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
  'pid', l.pid,
  'key', ${advisoryKey('l')},
  'isShared', l.mode = 'ShareLock') ORDER BY l.pid, l.classid, l.objid), '[]')::pg_catalog.text AS locks
FROM pg_catalog.pg_locks AS l
WHERE l.locktype = 'advisory' AND l.granted AND l.pid <> pg_catalog.pg_backend_pid()
  AND l.database = (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database())`
