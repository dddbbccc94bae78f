import { describe, expect, it } from 'vitest'
import type { ScopeOptions } from '../../src/index.ts'
import { useDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { guardedPool } from '../support/guarded-pool.ts'

const db = useDatabase()
const request: ScopeOptions = { kind: 'request', name: 'GET /events', id: '7' }
/** The grace, and the sweep that follows it at the latest. */
const graceAndSweep = 1_250

async function leftOpen(statements: readonly string[], options: Parameters<typeof guardedPool>[1] = {}) {
  const guarded = guardedPool({ ...db.config, max: 2 }, { mode: 'enforce', ...options })
  const { pool, lifeguard, clock } = guarded
  const client = await lifeguard.runInScope(request, async () => {
    const opened = await pool.connect()
    for (const statement of statements) await opened.query(statement).catch(() => {})
    return opened
  })
  clock.advance(graceAndSweep)
  return { ...guarded, client }
}

describe('a session that is kept open past its scope, perhaps by design', () => {
  it.each([
    ['LISTEN news', /still listens/],
    ['LISTEN news; LISTEN more', /still listens/],
    ['LISTEN news | SELECT 1', /still listens/],
    ['BEGIN | LISTEN news | COMMIT', /still listens/],
    ['SELECT 1 | SELECT pg_advisory_lock(7)', /holds the advisory lock/],
    ['SELECT pg_try_advisory_lock(7) AS leads', /holds the advisory lock/],
    ['SELECT pg_advisory_lock_shared(7, 8)', /holds the advisory lock/],
  ])('is only suspected, and left alone: %s', async (statements, hint) => {
    const { client, pool, clock, findings, lifeguard } = await leftOpen(statements.split(' | '))
    expect(findings).toMatchObject([
      {
        kind: 'outlived-scope',
        certainty: 'suspected',
        remedy: 'report',
        hint: expect.stringMatching(hint),
        scope: request,
      },
    ])
    expect(findings[0]?.hint).toMatch(/exempt it, or check it out inside lifeguard\.detach/)
    for (let hour = 0; hour < 3; hour += 1) clock.advance(3_600_000)
    expect((await client.query('SELECT 1 AS works')).rows).toEqual([{ works: 1 }])
    expect(lifeguard.snapshot().checkouts).toHaveLength(1)
    expect(findings.filter(({ remedy }) => remedy !== 'report')).toEqual([])
    client.release(true)
    await pool.query('SELECT 1')
  })

  it('gets its notifications', async () => {
    const { client } = await leftOpen(['LISTEN news'])
    const heard = new Promise((resolve) => client.once('notification', ({ payload }) => resolve(payload)))
    await db.query("NOTIFY news, 'late'")
    expect(await heard).toBe('late')
    client.release(true)
  })

  it('is suspected without the statements being read, too', async () => {
    const { client, findings } = await leftOpen(['LISTEN news'], {
      remedies: { 'session-state': 'report' },
      sessionState: false,
    })
    expect(findings).toMatchObject([{ kind: 'outlived-scope', certainty: 'suspected' }])
    client.release(true)
  })

  it.each([
    'LISTEN news | UNLISTEN news',
    'LISTEN news | UNLISTEN *',
    'BEGIN | LISTEN news | ROLLBACK',
    'BEGIN | LISTEN news',
    'LISTEN news | BEGIN | SELECT 1',
    'SELECT pg_advisory_lock(7) | SELECT 1',
    'SELECT pg_advisory_lock(7) | SELECT pg_advisory_unlock(7)',
    'SELECT pg_advisory_xact_lock(7)',
    "SELECT pg_advisory_lock('x')",
    'SELECT 1',
  ])('is a leak for certain, and ended, if it has no such purpose: %s', async (statements) => {
    const { findings, pool } = await leftOpen(statements.split(' | '))
    await eventually(() =>
      expect(findings).toMatchObject([
        { kind: 'outlived-scope', certainty: 'certain', outcome: 'destroyed' },
      ]),
    )
    await eventually(() => expect(pool.totalCount).toBe(0))
  })

  it('is a leak for certain if another session has the lock that it tried to get', async () => {
    await db.query('SELECT pg_advisory_lock(77)')
    const { findings } = await leftOpen(['SELECT pg_try_advisory_lock(77) AS leads'])
    await eventually(() => expect(findings).toMatchObject([{ kind: 'outlived-scope', certainty: 'certain' }]))
    await db.query('SELECT pg_advisory_unlock(77)')
  })

  it('streams replication', async () => {
    const { pool, lifeguard, clock, findings } = guardedPool(
      { ...db.config, max: 1, replication: 'database' } as never,
      { mode: 'enforce' },
    )
    const client = await lifeguard.runInScope(request, async () => {
      const opened = await pool.connect()
      const { rows } = await opened.query<{ xlogpos: string }>('IDENTIFY_SYSTEM')
      opened.query(`START_REPLICATION ${rows[0]?.xlogpos}`).catch(() => {})
      return opened
    })
    clock.advance(graceAndSweep)
    expect(findings).toMatchObject([
      { kind: 'outlived-scope', certainty: 'suspected', hint: expect.stringMatching(/streams replication/) },
    ])
    client.release(true)
  })
})
