import { consoleReporter, createLifeguard } from 'pg-lifeguard'
import postgres from 'postgres'

const { DATABASE_URL = 'postgres://localhost/postgres' } = process.env
const sql = postgres(DATABASE_URL)
const lifeguard = createLifeguard({
  mode: 'enforce',
  reporters: [consoleReporter({ stream: process.stdout, info: false })],
})
lifeguard.watch(sql, { name: 'main' })

await lifeguard.runInScope({ kind: 'request', name: 'POST /orders' }, async () => {
  const answer = new Promise(() => {}) // of a service that never answers
  // leaks: a transaction ends with its work, which does not end
  const order = sql.begin(async (transaction) => {
    await transaction`SELECT 1`
    await answer
  })
  order.catch(() => {}) // fails when the lifeguard closes the session
  await sql`SELECT 1`
})

await new Promise((resolve) => lifeguard.on('finding', resolve))
await lifeguard.close()
await sql.end()
