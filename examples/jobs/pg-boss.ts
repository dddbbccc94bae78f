/** pg-boss with a pool of its own, beside that of the application. Each job is a scope; one of the handlers forgets its client. */
import pg from 'pg'
import { PgBoss } from 'pg-boss'
import { consoleReporter, createLifeguard, withJobScope } from 'pg-lifeguard'

const { DATABASE_URL = 'postgres://localhost/postgres' } = process.env
const pool = new pg.Pool({ connectionString: DATABASE_URL, max: 5 })
pool.on('error', (error) => console.error(error.message))
const boss = new PgBoss({ connectionString: DATABASE_URL })
boss.on('error', (error) => console.error(error.message))

const reporters = [consoleReporter({ stream: process.stdout, info: false })]
const lifeguard = createLifeguard({ mode: 'enforce', reporters })
lifeguard.watch(pool, { name: 'main' })
lifeguard.watch(boss, { name: 'boss' })
const found = new Promise((resolve) => lifeguard.on('finding', resolve))

await boss.start()
await boss.createQueue('settle')
await boss.createQueue('remind')

await boss.work(
  'settle',
  withJobScope(lifeguard, async () => {
    const client = await pool.connect()
    try {
      await client.query('SELECT 1 AS settled')
    } finally {
      client.release()
    }
  }),
)
await boss.work(
  'remind',
  withJobScope(lifeguard, async () => {
    const client = await pool.connect()
    const { rows } = await client.query('SELECT 1 AS due WHERE false')
    // Forgotten: the client.
    if (rows.length === 0) return
    client.release()
  }),
)
await boss.send('settle')
await boss.send('remind')

await found
await boss.stop()
await pool.end()
await lifeguard.close()
