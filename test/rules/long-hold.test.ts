import { describe, expect, it } from 'vitest'
import { useDatabase } from '../support/database.ts'
import { guardedPool, hereLine } from '../support/guarded-pool.ts'

const db = useDatabase()
const limits = { idleTransactionMillis: 10_000, transactionMillis: 60_000, holdMillis: 30_000 }

function guarded(options: Parameters<typeof guardedPool>[1] = {}) {
  return guardedPool({ ...db.config, max: 2 }, { limits, ...options })
}

describe('long-hold', () => {
  it('reports a client that was acquired and never used', async () => {
    const { pool, clock, findings } = guarded()
    const line = hereLine()
    await pool.connect()
    clock.advance(30_300)
    expect(findings).toMatchObject([
      { kind: 'long-hold', certainty: 'suspected', origin: { line: line + 1 } },
    ])
    expect(findings[0]?.hint).toMatch(/never used/)
  })

  it('says that the last statement failed', async () => {
    const { pool, clock, findings } = guarded()
    const client = await pool.connect()
    await expect(client.query('BEGINN')).rejects.toThrow('syntax error')
    clock.advance(31_000)
    expect(findings[0]?.hint).toMatch(/its last statement failed .* release in finally/)
  })

  it('says that a statement is running for long', async () => {
    const { pool, clock, findings } = guarded()
    const client = await pool.connect()
    const slow = client.query('SELECT pg_sleep(0.2)')
    clock.advance(31_000)
    expect(findings[0]?.hint).toMatch(/one statement has been running for 3\d(\.\d)? s/)
    await slow
    client.release()
  })

  it('says which of many statements is running, rather than that one has taken all the time', async () => {
    const { pool, clock, findings } = guarded()
    const client = await pool.connect()
    await client.query('SELECT 1')
    clock.advance(29_000)
    const second = client.query('SELECT pg_sleep(0.2)')
    clock.advance(2_000)
    expect(findings[0]?.hint).toMatch(/^its statement number 2 is running, after slow work outside/)
    await second
    client.release()
  })

  it('says that many statements in a row hold the client', async () => {
    const { pool, clock, findings } = guarded()
    const client = await pool.connect()
    for (let step = 0; step < 3; step += 1) {
      const running = client.query('SELECT pg_sleep(0.01)')
      clock.advance(9_000)
      await running
    }
    const last = client.query('SELECT pg_sleep(0.2)')
    clock.advance(4_000)
    expect(findings[0]?.hint).toMatch(/^its statement number 4 is running: many statements in a row/)
    await last
    client.release()
  })

  it('says that its scope waits for another client', async () => {
    const { pool, lifeguard, clock, findings } = guarded({ limits: { ...limits, acquireWaitMillis: false } })
    const request = { kind: 'request', name: 'GET /x' }
    const other = await pool.connect()
    lifeguard.exempt(other, 'a neighbour')
    const scope = lifeguard.openScope(request)
    const held = await scope.run(() => pool.connect())
    const second = scope.run(() => pool.connect())
    clock.advance(31_000)
    expect(findings.find(({ kind }) => kind === 'long-hold')?.hint).toMatch(
      /^its request has been waiting 3\d(\.\d)? s for another client of this pool: pass this one on/,
    )
    other.release()
    ;(await second).release()
    held.release()
    scope.end()
  })

  it('says that callers wait, where nobody can say whose they are', async () => {
    const { pool, clock, findings } = guarded({ limits: { ...limits, acquireWaitMillis: false } })
    const held = [await pool.connect(), await pool.connect()]
    for (const client of held) await client.query('SELECT 1')
    const waiting = pool.connect()
    clock.advance(31_000)
    expect(findings[0]?.hint).toMatch(/or a wait for a second client \(1 caller waits for one\)$/)
    for (const client of held) client.release()
    ;(await waiting).release()
  })

  it('spares a client that is exempted, until it is released', async () => {
    const { pool, lifeguard, clock, findings } = guarded()
    const client = await pool.connect()
    lifeguard.exempt(client, 'LISTEN connection')
    await client.query('LISTEN news')
    await client.query('BEGIN')
    clock.advance(100_000)
    expect(findings).toEqual([])
    expect(lifeguard.snapshot().checkouts).toMatchObject([{ exemption: 'LISTEN connection' }])
    await client.query('COMMIT')
    await client.query('UNLISTEN news')
    client.release()
    const again = await pool.connect()
    clock.advance(31_000)
    expect(findings).toMatchObject([{ kind: 'long-hold' }])
    again.release()
  })

  it('resolves what was found before the exemption', async () => {
    const { pool, lifeguard, clock, resolved } = guarded()
    const client = await pool.connect()
    clock.advance(31_000)
    lifeguard.exempt(client, 'listener')
    expect(resolved).toMatchObject([{ kind: 'long-hold', resolution: 'exempted: listener' }])
  })
})
