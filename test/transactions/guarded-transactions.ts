import pg from 'pg'
import { afterAll, beforeAll, beforeEach } from 'vitest'
import { createLifeguard, type Finding, manualClock } from '../../src/index.ts'
import { leakCheck } from '../../src/testing/vitest.ts'
import { useDatabase } from '../support/database.ts'

/** A database with two accounts of 100 and no items, and a guarded pool, for the test file that calls it. */
export function useGuardedTransactions({ max }: { readonly max: number }) {
  const db = useDatabase()
  const lifeguard = createLifeguard({ clock: manualClock(), reporters: [] })
  const findings: Finding[] = []
  const pool = new pg.Pool({ max, connectionTimeoutMillis: 5000 })
  leakCheck(lifeguard, { unendedPools: 'fail' })

  beforeAll(() => {
    // Which database it is for is known from here on, and asked when a client connects.
    Object.assign(pool.options, db.config)
    pool.on('error', () => {})
    lifeguard.watch(pool)
    lifeguard.on('finding', (finding) => findings.push(finding))
  })
  beforeEach(async () => {
    findings.length = 0
    await db.query('TRUNCATE items, accounts')
    await db.query('INSERT INTO accounts VALUES (1, 100), (2, 100)')
  })
  afterAll(async () => {
    await lifeguard.close()
    await pool.end()
  })

  async function notes(): Promise<string[]> {
    const { rows } = await db.query<{ note: string }>('SELECT note FROM items ORDER BY id')
    return rows.map(({ note }) => note)
  }
  return { db, pool, lifeguard, findings, notes }
}
