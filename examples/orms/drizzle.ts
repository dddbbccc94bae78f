/** Drizzle on node-postgres. */
import { sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import pg from 'pg'
import { consoleReporter, createLifeguard } from 'pg-lifeguard'

const { DATABASE_URL = 'postgres://localhost/postgres' } = process.env
const pool = new pg.Pool({ connectionString: DATABASE_URL })
const database = drizzle({ client: pool })
const never = new Promise<never>(() => {})

const lifeguard = createLifeguard({
  mode: 'enforce',
  reporters: [consoleReporter({ stream: process.stdout, info: false })],
})
lifeguard.watch(database, { name: 'main' })

await lifeguard.runInScope({ kind: 'request', name: 'POST /orders' }, async () => {
  // leaks: nobody awaits it, and what it waits for never comes
  void database.transaction(async (tx) => {
    await tx.execute(sql`SELECT 1`)
    await never
  })
})

await new Promise((resolve) => lifeguard.on('finding', resolve))
await lifeguard.close()
await pool.end()
