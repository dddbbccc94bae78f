import type pg from 'pg'
import { onTestFinished } from 'vitest'
import { lifeguardSlonik } from '../../../src/hosts/slonik/lifeguard-slonik.ts'
import { createLifeguard, type Finding, type LifeguardOptions, manualClock } from '../../../src/index.ts'
import type { TestDatabase } from '../../support/database.ts'
import { createToySlonik, type ToyConfiguration, type ToySlonik, toyDriverFactory } from './toy-slonik.ts'

/** A toy of a Slonik pool, put under watch in either way. */
export async function toyGuard(
  db: TestDatabase,
  way: 'watch' | 'lifeguardSlonik',
  given: Partial<ToyConfiguration> = {},
  options: LifeguardOptions = {},
) {
  const clock = manualClock()
  const lifeguard = createLifeguard({ clock, reporters: [], ...options })
  const findings: Finding[] = []
  lifeguard.on('finding', (finding) => findings.push(finding))
  const clients: pg.Client[] = []
  const driverFactory = toyDriverFactory(db.config, (client) => clients.push(client))
  const pool: ToySlonik = await createToySlonik(
    way === 'watch'
      ? { driverFactory, ...given }
      : { ...lifeguardSlonik(lifeguard, { driverFactory, name: 'main' }), ...given },
  )
  const unwatch = lifeguard.watch(pool, { name: 'main' })
  onTestFinished(async () => {
    await lifeguard.close()
    await pool.end()
  })
  return { pool, lifeguard, clock, findings, clients, unwatch }
}
