/** The numbers of sessions, deadlocks and terminated sessions in this database since the statistics were reset. */
export const databaseCountersQuery = `
SELECT pg_catalog.json_build_object(
  'sessions', s.sessions,
  'deadlocks', s.deadlocks,
  'sessionsKilled', s.sessions_killed,
  'deadlockMillis', (SELECT p.setting::pg_catalog.int4 FROM pg_catalog.pg_settings AS p WHERE p.name = 'deadlock_timeout')
)::pg_catalog.text AS counters
FROM pg_catalog.pg_stat_database AS s WHERE s.datname = pg_catalog.current_database()`
