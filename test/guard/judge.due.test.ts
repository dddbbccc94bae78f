import pg from 'pg'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { CheckoutList } from '../../src/core/checkout-list.ts'
import { seeded } from '../core/seeded.ts'
import { useDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { guardedPool } from '../support/guarded-pool.ts'

const db = useDatabase()
const never = 2 ** 31 - 1
const patient = {
  idleTransactionMillis: never,
  transactionMillis: never,
  holdMillis: never,
  scopeGraceMillis: never,
  acquireWaitMillis: never,
}

afterEach(() => vi.restoreAllMocks())

describe('a checkout that is not due', () => {
  it('is judged by the time at which its transaction was asked for, though the answer came later', async () => {
    const { pool, clock, kinds } = guardedPool(
      { ...db.config, max: 1 },
      { limits: { ...patient, transactionMillis: 10_000 } },
    )
    const client = await pool.connect()
    clock.advance(5_000)
    const begun = client.query('BEGIN; SELECT 1')
    clock.advance(9_000)
    await begun
    clock.advance(900)
    expect(kinds()).toEqual([])
    clock.advance(400)
    expect(kinds()).toEqual(['long-transaction'])
    await client.query('ROLLBACK')
    client.release()
  })

  it('is judged by an inherited transaction as soon as its owner takes it for its own', async () => {
    const { pool, clock, findings } = guardedPool(
      { ...db.config, max: 1 },
      { limits: { ...patient, transactionMillis: 10_000 } },
    )
    const former = await pool.connect()
    await former.query('BEGIN')
    former.release()
    const client = await pool.connect()
    clock.advance(5_000)
    const begun = client.query('BEGIN')
    clock.advance(9_000)
    await begun
    clock.advance(1_300)
    expect(findings.map(({ kind, checkout }) => [kind, checkout.id])).toEqual([
      ['dirty-release', 1],
      ['long-transaction', 2],
    ])
    await client.query('ROLLBACK')
    client.release()
  })

  it('is judged by the end of its pool', async () => {
    const { pool, clock, kinds } = guardedPool(
      { ...db.config, max: 1 },
      { limits: { ...patient, scopeGraceMillis: 1_000 } },
    )
    const client = await pool.connect()
    clock.advance(60_000)
    const ended = pool.end()
    clock.advance(900)
    expect(kinds()).toEqual([])
    clock.advance(200)
    expect(kinds()).toEqual(['blocked-shutdown'])
    client.release()
    await ended
  })

  it('is judged by the end of its scope, whenever that was', async () => {
    const { pool, clock, lifeguard, kinds } = guardedPool(
      { ...db.config, max: 1 },
      { limits: { ...patient, scopeGraceMillis: 1_000 } },
    )
    let client: pg.PoolClient | undefined
    await lifeguard.runInScope({ kind: 'job', name: 'long' }, async () => {
      client = await pool.connect()
      clock.advance(60_050)
    })
    clock.advance(900)
    expect(kinds()).toEqual([])
    clock.advance(200)
    expect(kinds()).toEqual(['outlived-scope'])
    client?.release()
  })

  it('is judged as soon as its connection is closed', async () => {
    const { pool, clock, kinds } = guardedPool({ ...db.config, max: 1 }, { limits: patient })
    const client = await pool.connect()
    clock.advance(60_000)
    await (client as unknown as { end(): Promise<void> }).end()
    clock.advance(200)
    expect(kinds()).toEqual([])
    clock.advance(400)
    expect(kinds()).toEqual(['long-hold'])
    client.release()
  })

  it('is judged by the scope of its first statement, if it was checked out past the guard', async () => {
    const unwatched = new pg.Pool({ ...db.config, max: 1 })
    const connect = unwatched.connect.bind(unwatched)
    const { clock, lifeguard, kinds } = guardedPool(
      {},
      { limits: { ...patient, scopeGraceMillis: 1_000 } },
      unwatched,
    )
    const client = await connect()
    clock.advance(5_000)
    const scope = lifeguard.openScope({ kind: 'job', name: 'over' })
    scope.end()
    await scope.run(() => client.query('SELECT 1'))
    clock.advance(900)
    expect(kinds()).toEqual([])
    clock.advance(200)
    expect(kinds()).toEqual(['outlived-scope'])
    client.release()
  })

  it('is judged when a remedy is due', async () => {
    const { pool, clock, found, lifeguard } = guardedPool(
      { ...db.config, max: 1 },
      { mode: 'enforce', limits: { ...patient, idleTransactionMillis: 10_000 } },
    )
    const client = await pool.connect()
    await client.query('BEGIN')
    clock.advance(10_500)
    expect(await found('idle-transaction')).toMatchObject({ outcome: 'rolled-back' })
    clock.advance(9_000)
    expect(lifeguard.snapshot().pools).toMatchObject([{ out: 1 }])
    clock.advance(1_500)
    expect(lifeguard.snapshot().pools).toMatchObject([{ out: 0 }])
    client.release()
  })
})

describe('a sweep over what is due', () => {
  it.each([1, 2, 3, 4, 5, 6])(
    'reports the same as one over everything, at the same times: %i',
    async (seed) => {
      const reported = await history(seed)
      // All that were added stay due.
      const setDue = vi.spyOn(CheckoutList.prototype, 'setDue').mockImplementation(() => {})
      expect(await history(seed)).toEqual(reported)
      expect(setDue).toHaveBeenCalled()
      expect(reported.length).toBeGreaterThan(20)
    },
  )
})

const historyLimits = {
  idleTransactionMillis: 700,
  transactionMillis: 1_500,
  holdMillis: 2_500,
  scopeGraceMillis: 400,
  acquireWaitMillis: never,
}

/** What was reported in a random history, and when. */
async function history(seed: number): Promise<unknown[]> {
  const random = seeded(seed)
  const pick = <T>(from: readonly T[]): T | undefined => from[Math.floor(random() * from.length)]
  const { pool, clock, lifeguard } = guardedPool({ ...db.config, max: 5 }, { limits: historyLimits })
  const reported: unknown[] = []
  for (const event of ['finding', 'resolved'] as const) {
    lifeguard.on(event, ({ kind, certainty, checkout, hint }) =>
      reported.push([event, kind, certainty, checkout.id, hint, clock.now()]),
    )
  }
  const owners: pg.PoolClient[] = []
  const endings: (() => void)[] = []
  const closed = new Set<pg.PoolClient>()

  const acts: Record<string, () => unknown> = {
    async connect() {
      if (owners.length < 5) owners.push(await pool.connect())
    },
    async connectInScope() {
      if (owners.length >= 5) return
      const scope = lifeguard.openScope({ kind: 'job', name: 'job' })
      endings.push(() => scope.end())
      await scope.run(async () => owners.push(await pool.connect()))
    },
    endScope: () => endings.shift()?.(),
    begin: () => send('BEGIN'),
    select: () => send('SELECT 1'),
    listen: () => send('LISTEN orders'),
    fail: () => send('SELECT 1 / 0'),
    commit: () => send('COMMIT'),
    /** The clock moves while the statement runs. */
    async slow() {
      const client = pick(owners)
      if (client === undefined || closed.has(client)) return
      const answer = client.query(pick(['SELECT 1', 'BEGIN; SELECT 1', 'COMMIT']) ?? '').catch(() => {})
      clock.advance(random() * 1_200)
      await answer
      await isReady(client)
    },
    exempt() {
      const client = pick(owners)
      if (client !== undefined && random() < 0.3) lifeguard.exempt(client, 'by design')
    },
    async close() {
      const client = pick(owners)
      if (client === undefined || closed.has(client) || random() < 0.7) return
      closed.add(client)
      await (client as unknown as { end(): Promise<void> }).end()
    },
    release: () => owners.shift()?.release(),
  }
  const names = Object.keys(acts)

  async function send(text: string): Promise<void> {
    const client = pick(owners)
    if (client === undefined || closed.has(client)) return
    await client.query(text).catch(() => {})
    await isReady(client)
  }

  /** A statement that fails is answered before the server is ready again. */
  async function isReady(client: pg.PoolClient): Promise<void> {
    await eventually(() => expect(client).toMatchObject({ readyForQuery: true }))
  }

  for (let step = 0; step < 250; step += 1) {
    await acts[pick(names) ?? '']?.()
    clock.advance(random() < 0.3 ? random() * 900 : random() * 90)
  }
  for (const client of owners) client.release()
  await lifeguard.close()
  await pool.end()
  return reported
}
