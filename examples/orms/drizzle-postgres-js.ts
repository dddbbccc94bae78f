/** Drizzle on postgres.js. */
import { sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/postgres-js'
import { consoleReporter, createLifeguard } from 'pg-lifeguard'
import postgres from 'postgres'

const { DATABASE_URL = 'postgres://localhost/postgres' } = process.env
const client = postgres(DATABASE_URL)
const database = drizzle(client)
const lifeguard = createLifeguard({
  mode: 'enforce',
  reporters: [consoleReporter({ stream: process.stdout, info: false })],
})
lifeguard.watch(database, { name: 'main' })

await lifeguard.runInScope({ kind: 'request', name: 'POST /orders' }, async () => {
  const answer = new Promise<never>(() => {}) // of a service that never answers
  // leaks: a transaction ends with its work, which does not end
  const order = database.transaction(async (tx) => {
    await tx.execute(sql`SELECT 1`)
    await answer
  })
  order.catch(() => {}) // fails when the lifeguard closes the session
  await database.execute(sql`SELECT 1`)
})

await new Promise((resolve) => lifeguard.on('finding', resolve))
await lifeguard.close()
await client.end()
