import { describe, expect, it } from 'vitest'
import { useDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { guardedPool, hereLine } from '../support/guarded-pool.ts'

const db = useDatabase()
const limits = { idleTransactionMillis: 10_000, transactionMillis: 60_000, holdMillis: 30_000 }

function guarded(options: Parameters<typeof guardedPool>[1] = {}) {
  return guardedPool({ ...db.config, max: 2 }, { limits, ...options })
}

describe('idle-transaction', () => {
  it('reports an open transaction in which nothing has run for the limit, with both lines', async () => {
    const { pool, clock, findings } = guarded()
    const line = hereLine()
    const client = await pool.connect()
    await client.query('BEGIN')
    await client.query("SELECT 'secret', 42")
    clock.advance(9_900)
    expect(findings).toEqual([])
    clock.advance(400)
    expect(findings).toMatchObject([
      {
        kind: 'idle-transaction',
        certainty: 'suspected',
        pool: 'main',
        remedy: 'report',
        origin: { file: import.meta.filename, line: line + 1 },
        transactionOrigin: { file: import.meta.filename, line: line + 2 },
        checkout: { transaction: 'open', queryCount: 2, lastQuery: 'SELECT ?, ?' },
      },
    ])
    const [finding] = findings
    expect(finding?.checkout.idleMillis).toBeGreaterThanOrEqual(10_000)
    expect(finding?.checkout.pid).toBe((client as unknown as { processID: number }).processID)
    expect(finding?.hint).toMatch(/neither COMMIT nor ROLLBACK/)
  })

  it('reports a failed transaction that nobody rolled back', async () => {
    const { pool, clock, findings } = guarded()
    const client = await pool.connect()
    await client.query('BEGIN')
    await expect(client.query('SELECT 1/0')).rejects.toThrow('division by zero')
    await client.query('ROLLBACK')
    await client.query('BEGIN')
    await expect(client.query('SELECT 1/0')).rejects.toThrow('division by zero')
    await expect(client.query('SELECT 1')).rejects.toThrow('aborted')
    // The status follows the error, often in a packet of its own.
    await eventually(() => {
      clock.advance(10_500)
      expect(findings).toMatchObject([{ kind: 'idle-transaction', checkout: { transaction: 'failed' } }])
    })
    expect(findings[0]?.hint).toMatch(/a statement failed/)
  })

  it('says that nothing followed BEGIN', async () => {
    const { pool, clock, findings } = guarded()
    const client = await pool.connect()
    await client.query('START TRANSACTION ISOLATION LEVEL SERIALIZABLE')
    clock.advance(10_500)
    expect(findings[0]?.hint).toMatch(/nothing followed BEGIN/)
  })

  it('says that its own request waits for a second client, rather than that it has returned early', async () => {
    const { pool, lifeguard, clock, findings } = guarded()
    const scopes = ['1', '2'].map((id) => lifeguard.openScope({ kind: 'request', name: 'POST /orders', id }))
    const held = await Promise.all(scopes.map((scope) => scope.run(() => pool.connect())))
    for (const client of held) {
      await client.query('BEGIN')
      await client.query('SELECT 1')
    }
    const [scope] = scopes
    const waiting = scope?.run(() => pool.query('SELECT 2'))
    clock.advance(10_500)
    const idle = findings.find(({ kind, scope }) => kind === 'idle-transaction' && scope?.id === '1')
    expect(idle?.hint).toMatch(
      /^its request has been waiting 10(\.\d)? s for another client of this pool: pass this one on/,
    )
    for (const client of held) await client.query('COMMIT')
    for (const client of held) client.release()
    await waiting
  })

  it('does not report a transaction whose statement is still running', async () => {
    const { pool, clock, findings } = guarded({ limits: { ...limits, holdMillis: false } })
    const client = await pool.connect()
    await client.query('BEGIN')
    const slow = client.query('SELECT pg_sleep(0.3)')
    clock.advance(20_000)
    expect(findings).toEqual([])
    await slow
    clock.advance(9_000)
    expect(findings).toEqual([])
    clock.advance(1_500)
    expect(findings).toHaveLength(1)
  })

  it('does not report a session that idles outside a transaction, and starts anew with each statement', async () => {
    const { pool, clock, kinds } = guarded()
    const client = await pool.connect()
    await client.query('SELECT 1')
    clock.advance(20_000)
    await client.query('BEGIN')
    for (let step = 0; step < 4; step += 1) {
      clock.advance(2_000)
      await client.query('SELECT 1')
    }
    await client.query('COMMIT')
    expect(kinds()).toEqual([])
  })

  it('speaks once per checkout, and resolves when the transaction ends', async () => {
    const { pool, clock, findings, resolved } = guarded()
    const client = await pool.connect()
    await client.query('BEGIN')
    clock.advance(25_000)
    expect(findings).toHaveLength(1)
    expect(resolved).toEqual([])
    await client.query('COMMIT')
    expect(resolved).toMatchObject([
      { id: findings[0]?.id, kind: 'idle-transaction', resolution: 'its transaction has ended' },
    ])
    client.release()
    expect(resolved).toHaveLength(1)
  })

  it('resolves when the client is released with an error', async () => {
    const { pool, clock, resolved } = guarded()
    const client = await pool.connect()
    await client.query('BEGIN')
    clock.advance(11_000)
    client.release(true)
    expect(resolved).toMatchObject([{ kind: 'idle-transaction', resolution: 'released after 11 s' }])
  })

  it('counts the findings of one line', async () => {
    const { pool, clock, findings } = guarded()
    for (let round = 0; round < 3; round += 1) {
      const client = await pool.connect()
      await client.query('BEGIN')
      clock.advance(11_000)
      await client.query('ROLLBACK')
      client.release()
    }
    expect(findings.map(({ occurrences }) => occurrences)).toEqual([1, 2, 3])
    expect(new Set(findings.map(({ fingerprint }) => fingerprint)).size).toBe(1)
    expect(findings[0]?.fingerprint).toMatch(
      /^idle-transaction main test\/rules\/idle-transaction\.test\.ts:\d+:\d+$/,
    )
  })

  it('is found within a tenth of the limit', async () => {
    const { pool, clock, findings } = guarded({ limits: { idleTransactionMillis: 1_000 } })
    const client = await pool.connect()
    await client.query('BEGIN')
    clock.advance(1_100)
    expect(findings).toHaveLength(1)
  })

  it('does not hold a pause of the process against anybody', async () => {
    const { pool, clock, findings } = guarded()
    const client = await pool.connect()
    await client.query('BEGIN')
    clock.advance(2_000)
    clock.stall(600_000)
    clock.advance(1_000)
    expect(findings).toEqual([])
    await client.query('COMMIT')
    client.release()
  })
})

describe('where every limit is switched off', () => {
  it('finds nothing', async () => {
    const off = { idleTransactionMillis: false, transactionMillis: false, holdMillis: false } as const
    const { pool, clock, findings } = guarded({ limits: off })
    const client = await pool.connect()
    await client.query('BEGIN')
    clock.advance(10_000_000)
    expect(findings).toEqual([])
  })
})
