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

  it('says that client.end() does not give the slot back', async () => {
    const { pool, clock, findings } = guarded()
    const client = await pool.connect()
    await (client as unknown as { end(): Promise<void> }).end()
    clock.advance(31_000)
    expect(findings).toHaveLength(1)
    expect(findings[0]?.hint).toMatch(/client\.end\(\)/)
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
