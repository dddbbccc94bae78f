const { Pool } = require('pg')
const { createLifeguard, sessionTimeouts } = require('pg-lifeguard')

async function main() {
  const pool = new Pool(sessionTimeouts())
  const lifeguard = createLifeguard()
  lifeguard.watch(pool, { name: 'main' })
  process.stdout.write(JSON.stringify(lifeguard.snapshot()))
  await lifeguard.close()
  await pool.end()
}

void main()
