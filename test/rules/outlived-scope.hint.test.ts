import { once } from 'node:events'
import type { PoolClient } from 'pg'
import QueryStream from 'pg-query-stream'
import { describe, expect, it } from 'vitest'
import type { ScopeOptions } from '../../src/index.ts'
import { useDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { guardedPool } from '../support/guarded-pool.ts'

const db = useDatabase()
const request: ScopeOptions = { kind: 'request', name: 'GET /x', id: '7' }
const grace = 1_000
/** The grace, and the sweep that follows it at the latest. */
const graceAndSweep = grace + 250

function guarded(options: Parameters<typeof guardedPool>[1] = {}, max = 2) {
  return guardedPool({ ...db.config, max }, options)
}

describe('the hint', () => {
  const cases: [what: string, leak: (client: PoolClient) => unknown, hint: RegExp][] = [
    ['never used', () => {}, /never used/],
    [
      'its last statement failed',
      (client) => client.query('SELECT 1/0').catch(() => {}),
      /last statement failed.*finally/,
    ],
    ['in a transaction', (client) => client.query('BEGIN'), /neither COMMIT, ROLLBACK nor release/],
    ['used and forgotten', (client) => client.query('SELECT 1'), /release was not reached: an early return/],
  ]

  it.each(cases)('tells a client that was left behind: %s', async (_what, leak, hint) => {
    const { pool, lifeguard, clock, found } = guarded()
    await lifeguard.runInScope(request, async () => {
      const client = await pool.connect()
      await leak(client)
      // A failed statement is told before the server is ready again.
      await eventually(() => expect(client).toMatchObject({ readyForQuery: true }))
    })
    clock.advance(graceAndSweep)
    expect((await found('outlived-scope')).hint).toMatch(hint)
  })

  it('tells of a stream that nobody reads any more', async () => {
    const { pool, lifeguard, clock, found } = guarded()
    await lifeguard.runInScope(request, async () => {
      const client = await pool.connect()
      const stream = client.query(new QueryStream('SELECT generate_series(1, 100000)'))
      await once(stream, 'readable')
    })
    clock.advance(graceAndSweep)
    expect((await found('outlived-scope')).hint).toMatch(/a cursor or query stream is open that nobody reads/)
  })

  it('tells of a statement that is still running', async () => {
    const { pool, lifeguard, clock, found } = guarded()
    let running: Promise<unknown> = Promise.resolve()
    await lifeguard.runInScope(request, async () => {
      const client = await pool.connect()
      running = client.query('SELECT pg_sleep(60)').catch(() => {})
    })
    clock.advance(graceAndSweep)
    expect((await found('outlived-scope')).hint).toMatch(/ago \(returned\).*still running a statement/)
    for (const { pid } of await db.sessions()) await db.terminate(pid)
    await running
  })

  it('tells of a flow that goes on after the end', async () => {
    const { pool, lifeguard, clock, found } = guarded()
    const client = await lifeguard.runInScope(request, () => pool.connect())
    clock.advance(500)
    await client.query('SELECT 1')
    clock.advance(graceAndSweep)
    expect((await found('outlived-scope')).hint).toMatch(/sent statements after that/)
  })

  it('does not take the rollback by the guard for a statement of the owner', async () => {
    const limits = { idleTransactionMillis: 500 }
    const remedies = { 'outlived-scope': 'report' } as const
    const { pool, lifeguard, clock, found } = guarded({ mode: 'enforce', limits, remedies })
    const client = await lifeguard.runInScope(request, async () => {
      const client = await pool.connect()
      await client.query('BEGIN')
      return client
    })
    clock.advance(600)
    expect(await found('idle-transaction')).toMatchObject({ outcome: 'rolled-back' })
    clock.advance(450)
    expect((await found('outlived-scope')).hint).toMatch(
      /^the request ended .* ago \(returned\), its transaction was rolled back by pg-lifeguard, and release was not reached/,
    )
    client.release()
  })

  it('does not count what the guard itself sends, once the owner has learned of the rollback', async () => {
    const limits = { idleTransactionMillis: 500 }
    const remedies = { 'outlived-scope': 'report' } as const
    const { pool, lifeguard, clock, found } = guarded({ mode: 'enforce', limits, remedies })
    const scope = lifeguard.openScope(request)
    const client = await scope.run(() => pool.connect())
    await client.query('BEGIN')
    clock.advance(600)
    await found('idle-transaction')
    const { idleMillis } = lifeguard.snapshot().checkouts[0] ?? {}
    expect(idleMillis).toBeGreaterThanOrEqual(600)
    await client.query('ROLLBACK')
    scope.end('answered')
    clock.advance(graceAndSweep)
    expect((await found('outlived-scope')).hint).toMatch(/\(answered\), and release was not reached/)
    client.release()
  })

  it('says that the server has ended the session, and why, and not that its last statement failed', async () => {
    const { pool, lifeguard, clock, found } = guarded()
    pool.options.idle_in_transaction_session_timeout = 50
    const client = await lifeguard.runInScope(request, async () => {
      const client = await pool.connect()
      await client.query('BEGIN')
      return client
    })
    await found('session-killed')
    clock.advance(graceAndSweep)
    expect((await found('outlived-scope')).hint).toMatch(
      /its connection is closed \(only release frees the slot\): ended by idle_in_transaction_session_timeout.*25P03\)$/,
    )
    client.release()
  })

  it('says that its own code waits for another client', async () => {
    const { pool, lifeguard, clock, found } = guarded({}, 1)
    const scope = lifeguard.openScope(request)
    const client = await scope.run(() => pool.connect())
    const waiting = scope.run(() => pool.connect())
    scope.end('the client aborted')
    clock.advance(graceAndSweep)
    expect((await found('outlived-scope')).hint).toMatch(
      /^the request ended .* and its request has been waiting .* for another client of this pool/,
    )
    client.release()
    ;(await waiting).release()
  })

  it('says how the work ended', async () => {
    const { pool, lifeguard, clock, found } = guarded()
    const failed = lifeguard.runInScope(request, async () => {
      await pool.connect()
      throw new Error('no such dataset')
    })
    await expect(failed).rejects.toThrow('no such dataset')
    clock.advance(graceAndSweep)
    const { hint, scope } = await found('outlived-scope')
    expect(hint).toMatch(/^the request ended 1(\.\d)? s ago \(threw\), /)
    expect(scope?.ending).toBe('threw')
  })
})
