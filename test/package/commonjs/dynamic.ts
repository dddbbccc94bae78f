async function main(): Promise<void> {
  const { Pool } = await import('pg')
  const { createLifeguard, sessionTimeouts } = await import('pg-lifeguard')
  const pool = new Pool(sessionTimeouts())
  const lifeguard = createLifeguard()
  lifeguard.watch(pool, { name: 'main' })
  process.stdout.write(JSON.stringify(lifeguard.snapshot()))
  await lifeguard.close()
  await pool.end()
}

void main()
