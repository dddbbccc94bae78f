/** Slonik 49, which needs Node.js 24. Without `lifeguardSlonik`, `lifeguard.watch(pool)` reports, and frees nothing. */
import { createPgDriverFactory } from '@slonik/pg-driver'
import { consoleReporter, createLifeguard } from 'pg-lifeguard'
import { lifeguardSlonik } from 'pg-lifeguard/slonik'
import { createPool, sql } from 'slonik'

const { DATABASE_URL = 'postgres://localhost/postgres' } = process.env
const lifeguard = createLifeguard({
  mode: 'enforce',
  reporters: [consoleReporter({ stream: process.stdout, info: false })],
})
const pool = await createPool(DATABASE_URL, {
  ...lifeguardSlonik(lifeguard, { driverFactory: createPgDriverFactory(), name: 'main' }),
})

await lifeguard.runInScope({ kind: 'request', name: 'POST /orders' }, async () => {
  const answer = new Promise(() => {}) // of a service that never answers
  // leaks: a transaction ends with its work, which does not end
  void pool.transaction(async (transaction) => {
    await transaction.query(sql.unsafe`SELECT 1`)
    await answer
  })
  await pool.query(sql.unsafe`SELECT 1`)
})

await new Promise((resolve) => lifeguard.on('finding', resolve))
await lifeguard.close()
await pool.end()
