/** Kysely. It does not expose its pool: watch the one that you pass to its dialect. */
import { Kysely, PostgresDialect, sql } from 'kysely'
import pg from 'pg'
import { consoleReporter, createLifeguard } from 'pg-lifeguard'

const { DATABASE_URL = 'postgres://localhost/postgres' } = process.env
const pool = new pg.Pool({ connectionString: DATABASE_URL })
const database = new Kysely<object>({ dialect: new PostgresDialect({ pool }) })

const lifeguard = createLifeguard({
  mode: 'enforce',
  reporters: [consoleReporter({ stream: process.stdout, info: false })],
})
lifeguard.watch(pool, { name: 'main' })

await lifeguard.runInScope({ kind: 'request', name: 'POST /orders' }, async () => {
  const transaction = await database.startTransaction().execute() // leaks: neither commit nor rollback
  await sql`SELECT 1`.execute(transaction)
})

await new Promise((resolve) => lifeguard.on('finding', resolve))
await lifeguard.close()
await database.destroy()
