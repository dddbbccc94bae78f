import { Pool } from 'pg'
import { createLifeguard, sessionTimeouts } from 'pg-lifeguard'

async function main(): Promise<void> {
  const pool = new Pool(sessionTimeouts())
  const lifeguard = createLifeguard()
  lifeguard.watch(pool, { name: 'main' })
  process.stdout.write(JSON.stringify(lifeguard.snapshot()))
  await lifeguard.close()
  await pool.end()
}

void main()
