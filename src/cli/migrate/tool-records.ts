import { type QueryClient, queryFrozen } from '../../postgres/query-client.ts'

const tablesQuery = `
SELECT coalesce(pg_catalog.json_agg(pg_catalog.format('%I.%I', n.nspname, c.relname)), '[]')::pg_catalog.text AS tables
FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relname = $1 AND c.relkind = 'r' AND pg_catalog.has_table_privilege(c.oid, 'SELECT')`

/**
 * The tables in which knex records a running migration. The row is not part of a transaction: if the process of a
 * migration without one dies, it stays, and every later run fails with "Migration table is already locked".
 */
export async function knexLocks(client: QueryClient): Promise<readonly string[]> {
  const locked: string[] = []
  for (const table of await tablesNamed(client, 'knex_migrations_lock')) {
    const { rows } = await client.query(`SELECT FROM ${table} WHERE is_locked = 1`)
    if (rows.length > 0) locked.push(table)
  }
  return locked
}

/** The migrations that Prisma has recorded as started and not finished: it runs no migration until they are resolved. */
export async function failedPrismaMigrations(client: QueryClient): Promise<readonly string[]> {
  const failed: string[] = []
  for (const table of await tablesNamed(client, '_prisma_migrations')) {
    const { rows } = await client.query(
      `SELECT migration_name AS name FROM ${table} WHERE finished_at IS NULL AND rolled_back_at IS NULL`,
    )
    failed.push(...rows.map((row) => (row as { name: string }).name))
  }
  return failed
}

function tablesNamed(client: QueryClient, name: string): Promise<readonly string[]> {
  return queryFrozen<readonly string[]>(client, tablesQuery, [name])
}
