import { type QueryClient, queryFrozen } from '../../postgres/query-client.ts'

const tablesQuery = `
SELECT coalesce(pg_catalog.json_agg(pg_catalog.format('%I.%I', n.nspname, c.relname)), '[]')::pg_catalog.text AS tables
FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relname = 'knex_migrations_lock' AND c.relkind = 'r' AND pg_catalog.has_table_privilege(c.oid, 'SELECT')`

/**
 * The tables in which knex keeps that a migration runs. The row is not part of a transaction: after the end of a process
 * that ran a migration without one, it stays, and every later run fails with "Migration table is already locked".
 */
export async function knexLocks(client: QueryClient): Promise<readonly string[]> {
  const tables = await queryFrozen<readonly string[]>(client, tablesQuery)
  const locked: string[] = []
  for (const table of tables) {
    const { rows } = await client.query(`SELECT FROM ${table} WHERE is_locked = 1`)
    if (rows.length > 0) locked.push(table)
  }
  return locked
}
