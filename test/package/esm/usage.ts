import pg from 'pg'
import { createLifeguard, sessionTimeouts } from 'pg-lifeguard'

const pool = new pg.Pool(sessionTimeouts())
const lifeguard = createLifeguard()
lifeguard.watch(pool, { name: 'main' })
process.stdout.write(JSON.stringify(lifeguard.snapshot()))
await lifeguard.close()
await pool.end()
