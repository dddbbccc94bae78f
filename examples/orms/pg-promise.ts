/** pg-promise. */
import { consoleReporter, createLifeguard } from 'pg-lifeguard'
import pgPromise from 'pg-promise'

const { DATABASE_URL = 'postgres://localhost/postgres' } = process.env
const database = pgPromise()(DATABASE_URL)
const never = new Promise<never>(() => {})

const lifeguard = createLifeguard({
  mode: 'enforce',
  reporters: [consoleReporter({ stream: process.stdout, info: false })],
})
lifeguard.watch(database, { name: 'main' })

await lifeguard.runInScope({ kind: 'request', name: 'POST /orders' }, async () => {
  // leaks: nobody awaits it, and what it waits for never comes
  void database.tx(async (tx) => {
    await tx.any('SELECT 1')
    await never
  })
})

await new Promise((resolve) => lifeguard.on('finding', resolve))
await lifeguard.close()
await database.$pool.end()
