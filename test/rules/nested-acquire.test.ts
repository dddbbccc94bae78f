import type { PoolClient } from 'pg'
import { describe, expect, it } from 'vitest'
import { useDatabase } from '../support/database.ts'
import { guardedPool, hereLine } from '../support/guarded-pool.ts'

const db = useDatabase()
const request = { kind: 'request', name: 'GET /x', id: '7' }

function guarded(max = 1) {
  return guardedPool({ ...db.config, max })
}

describe('nested-acquire', () => {
  it('reports a scope that waits for a client while it holds one, with both lines', async () => {
    const { pool, lifeguard, clock, findings, resolved } = guarded()
    const scope = lifeguard.openScope(request)
    let line = 0
    const { held, waiting } = await scope.run(async () => {
      line = hereLine(1)
      const held = await pool.connect()
      const waiting = pool.connect()
      return { held, waiting }
    })
    clock.advance(200)
    expect(findings).toEqual([])
    clock.advance(200)
    expect(findings).toMatchObject([
      {
        kind: 'nested-acquire',
        certainty: 'suspected',
        scope: request,
        checkout: { phase: 'waiting' },
        origin: { file: import.meta.filename, line: line + 1 },
        holders: [{ origin: { file: import.meta.filename, line }, scope: request }],
        hint: expect.stringMatching(/its request holds a client: pass it on/),
      },
    ])
    held.release()
    ;(await waiting).release()
    expect(resolved).toMatchObject([
      { kind: 'nested-acquire', resolution: expect.stringMatching(/^got a client/) },
    ])
    scope.end()
  })

  it('sees a statement of pool.query inside a transaction', async () => {
    const { pool, lifeguard, clock, findings } = guarded()
    const scope = lifeguard.openScope(request)
    const { held, waiting } = await scope.run(async () => {
      const held = await pool.connect()
      await held.query('BEGIN')
      return { held, waiting: pool.query('SELECT 42') }
    })
    clock.advance(300)
    expect(findings).toMatchObject([
      { kind: 'nested-acquire', checkout: { via: 'pool.query', lastQuery: 'SELECT ?' }, scope: request },
    ])
    await held.query('COMMIT')
    held.release()
    await waiting
  })

  it('sees what is held by the scope around the one that waits, and not the other way round', async () => {
    const { pool, lifeguard, clock, findings } = guarded()
    const outer = lifeguard.openScope(request)
    const job = { kind: 'job', name: 'mail' }
    const held = await outer.run(() => pool.connect())
    const waiting = outer.run(() => lifeguard.openScope(job).run(() => pool.connect()))
    clock.advance(300)
    expect(findings).toMatchObject([{ kind: 'nested-acquire', scope: job, holders: [{ scope: request }] }])
    held.release()
    const inner = await waiting
    const outerWaits = outer.run(() => pool.connect())
    clock.advance(300)
    expect(findings).toHaveLength(1)
    inner.release()
    ;(await outerWaits).release()
  })

  it('is silent when the second client comes in time', async () => {
    const { pool, lifeguard, clock, findings } = guarded(2)
    const neighbour = await lifeguard.openScope({ kind: 'request', name: 'GET /y' }).run(() => pool.connect())
    const scope = lifeguard.openScope(request)
    const held = await scope.run(() => pool.connect())
    const waiting = scope.run(() => pool.connect())
    clock.advance(200)
    neighbour.release()
    const second = await waiting
    clock.advance(5_000)
    second.release()
    held.release()
    scope.end()
    clock.advance(5_000)
    expect(findings).toEqual([])
  })

  it('is silent about who waits for others, and about callers without a scope', async () => {
    const { pool, lifeguard, clock, findings } = guarded()
    const held = await lifeguard.openScope(request).run(() => pool.connect())
    const other = lifeguard.openScope({ ...request, id: '8' }).run(() => pool.connect())
    const outside = pool.connect()
    clock.advance(2_000)
    expect(findings).toEqual([])
    held.release()
    ;(await other).release()
    ;(await outside).release()
  })

  it('names the holding line also in a pool with more clients than a report lists', async () => {
    const max = 22
    const { pool, lifeguard, clock, findings } = guarded(max)
    const others: PoolClient[] = []
    for (let n = 1; n < max; n += 1) others.push(await pool.connect())
    const scope = lifeguard.openScope(request)
    const line = hereLine(1)
    const held = await scope.run(() => pool.connect())
    const waiting = scope.run(() => pool.connect())
    clock.advance(300)
    expect(findings).toMatchObject([{ kind: 'nested-acquire', holders: [{ origin: { line } }] }])
    for (const client of [held, ...others]) client.release()
    ;(await waiting).release()
  })
})
