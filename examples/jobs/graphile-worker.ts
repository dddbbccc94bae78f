/** graphile-worker on a pool of the application. Each job is a scope; one of the tasks forgets its client. */
import { Logger, run } from 'graphile-worker'
import pg from 'pg'
import { consoleReporter, createLifeguard, withJobScope } from 'pg-lifeguard'

const { DATABASE_URL = 'postgres://localhost/postgres' } = process.env
const pool = new pg.Pool({ connectionString: DATABASE_URL, max: 5 })
pool.on('error', (error) => console.error(error.message))
pool.on('connect', (client) => client.on('error', (error) => console.error(error.message)))

const reporters = [consoleReporter({ stream: process.stdout, info: false })]
const lifeguard = createLifeguard({ mode: 'enforce', reporters })
lifeguard.watch(pool, { name: 'main' })
const found = new Promise((resolve) => lifeguard.on('finding', resolve))

const taskList = withJobScope(lifeguard, {
  async settle() {
    const client = await pool.connect()
    try {
      await client.query('SELECT 1 AS settled')
    } finally {
      client.release()
    }
  },
  async remind() {
    const client = await pool.connect()
    const { rows } = await client.query('SELECT 1 AS due WHERE false')
    // Forgotten: the client.
    if (rows.length === 0) return
    client.release()
  },
})

const logger = new Logger(() => () => {})
const runner = await run({ pgPool: pool, taskList, logger, noHandleSignals: true })
await runner.addJob('settle', {})
await runner.addJob('remind', {})

await found
await runner.stop()
await pool.end()
await lifeguard.close()
