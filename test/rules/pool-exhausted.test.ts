import type pg from 'pg'
import { describe, expect, it } from 'vitest'
import { LifeguardError, PoolExhaustedError } from '../../src/index.ts'
import { useDatabase } from '../support/database.ts'
import { guardedPool, hereLine } from '../support/guarded-pool.ts'

const db = useDatabase()

function guarded(poolOptions: pg.PoolConfig = {}, options: Parameters<typeof guardedPool>[1] = {}) {
  return guardedPool({ ...db.config, max: 2, ...poolOptions }, options)
}

describe('pool-exhausted', () => {
  it("gives the pool's own timeout its holders and a readable cause", async () => {
    const { pool, findings, resolved } = guarded({ max: 1 })
    const line = hereLine()
    const holder = await pool.connect()
    pool.options.connectionTimeoutMillis = 30
    await holder.query("SELECT 'secret'")
    const error: unknown = await pool.connect().catch((reason: unknown) => reason)
    expect(error).toMatchObject({
      message: 'timeout exceeded when trying to connect',
      holders: [{ origin: { line: line + 1 }, lastQuery: 'SELECT ?', transaction: 'idle' }],
    })
    const { cause } = error as Error
    expect(cause).toBeInstanceOf(PoolExhaustedError)
    expect(cause).toBeInstanceOf(LifeguardError)
    expect((cause as Error).message).toMatch(
      /^pool main: the only client is taken\n {2}- test\/rules\/pool-exhausted\.test\.ts:\d+:\d+, held for /,
    )
    expect((cause as Error).message).not.toMatch(/secret/)
    expect(findings).toMatchObject([{ kind: 'pool-exhausted', holders: [{ origin: { line: line + 1 } }] }])
    expect(resolved).toMatchObject([{ kind: 'pool-exhausted' }])
    holder.release()
  })

  it('does the same for pool.query, and names statements of pool.query that hold clients', async () => {
    const { pool } = guarded({ max: 1 })
    await pool.query('SELECT 1')
    pool.options.connectionTimeoutMillis = 30
    const running = pool.query('SELECT pg_sleep(0.5)')
    const error: unknown = await pool.query('SELECT 1').catch((reason: unknown) => reason)
    expect(error).toMatchObject({ holders: [{ via: 'pool.query', lastQuery: 'SELECT pg_sleep(?)' }] })
    await running
  })

  it('reports a waiter before the pool gives up, and resolves when it is served', async () => {
    const { pool, clock, findings, resolved } = guarded({ max: 1 })
    const holder = await pool.connect()
    const line = hereLine()
    const waiting = pool.connect()
    clock.advance(5_300)
    expect(findings).toMatchObject([
      {
        kind: 'pool-exhausted',
        certainty: 'suspected',
        origin: { line: line + 1 },
        checkout: { phase: 'waiting' },
        holders: [{ id: 1 }],
      },
    ])
    holder.release()
    const client = await waiting
    expect(resolved).toMatchObject([{ kind: 'pool-exhausted', resolution: 'got a client after 5.3 s' }])
    client.release()
  })

  it('is not said of a caller that waits for a connection to be made', async () => {
    const { pool, clock, findings } = guarded()
    const connecting = pool.connect()
    clock.advance(20_000)
    expect(findings).toEqual([])
    ;(await connecting).release()
  })
})
