/** Advisory locks that sessions hold in this database, whether anybody waits for them or not. */
export const advisoryLocksQuery = `
SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
  'pid', l.pid,
  'key', CASE l.objsubid
    WHEN 1 THEN ((l.classid::pg_catalog.int8 << 32) | l.objid::pg_catalog.int8)::pg_catalog.text
    ELSE (l.classid::pg_catalog.int8::pg_catalog.bit(32)::pg_catalog.int4)::pg_catalog.text || ', '
      || (l.objid::pg_catalog.int8::pg_catalog.bit(32)::pg_catalog.int4)::pg_catalog.text END,
  'isShared', l.mode = 'ShareLock') ORDER BY l.pid, l.classid, l.objid), '[]')::pg_catalog.text AS locks
FROM pg_catalog.pg_locks AS l
WHERE l.locktype = 'advisory' AND l.granted AND l.pid <> pg_catalog.pg_backend_pid()
  AND l.database = (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database())`
