import { describe, expect, it } from 'vitest'
import { consoleReporter, type ScopeOptions } from '../../src/index.ts'
import { useDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { guardedPool, hereLine } from '../support/guarded-pool.ts'

const db = useDatabase()
const request: ScopeOptions = { kind: 'request', name: 'GET /x', id: '7' }
const grace = 1_000
/** The grace, and the sweep that follows it at the latest. */
const graceAndSweep = grace + 250

function guarded(options: Parameters<typeof guardedPool>[1] = {}, max = 2) {
  return guardedPool({ ...db.config, max }, options)
}

describe('a session that outlives its scope', () => {
  it('is a leak once the grace is over, with its line and its scope', async () => {
    const { pool, lifeguard, clock, findings } = guarded()
    let line = 0
    const attributes = { tenant: 'acme' }
    await lifeguard.runInScope({ ...request, attributes }, async () => {
      line = hereLine(1)
      const client = await pool.connect()
      await client.query('SELECT 1')
    })
    clock.advance(grace - 100)
    expect(findings).toEqual([])
    clock.advance(350)
    expect(findings).toMatchObject([
      {
        kind: 'outlived-scope',
        certainty: 'certain',
        remedy: 'report',
        origin: { file: import.meta.filename, line },
        checkout: { phase: 'out', queryCount: 1 },
      },
    ])
    expect(findings[0]?.scope).toEqual({ ...request, attributes, ending: 'returned' })
    clock.advance(60_000)
    expect(findings.filter(({ kind }) => kind === 'outlived-scope')).toHaveLength(1)
  })

  it('is resolved when it is released after all', async () => {
    const { pool, lifeguard, clock, resolved } = guarded()
    const client = await lifeguard.runInScope(request, () => pool.connect())
    clock.advance(graceAndSweep)
    client.release()
    expect(resolved).toMatchObject([{ kind: 'outlived-scope', resolution: 'released after 1.3 s' }])
  })

  it('is no leak if it is released within the grace, or while the scope goes on', async () => {
    const { pool, lifeguard, clock, findings } = guarded()
    const client = await lifeguard.runInScope(request, () => pool.connect())
    clock.advance(grace - 100)
    client.release()
    const scope = lifeguard.openScope(request)
    const other = await scope.run(() => pool.connect())
    clock.advance(20_000)
    other.release()
    scope.end()
    clock.advance(20_000)
    expect(findings).toEqual([])
  })

  it('is none of the findings if the grace is switched off', async () => {
    const { pool, lifeguard, clock, kinds } = guarded({ limits: { scopeGraceMillis: false } })
    await lifeguard.runInScope(request, () => pool.connect())
    clock.advance(40_000)
    expect(kinds()).toEqual(['long-hold'])
  })

  it('is spared if it was exempted, before or after it was found', async () => {
    const { pool, lifeguard, clock, kinds, resolved } = guarded()
    await lifeguard.runInScope(request, async () => lifeguard.exempt(await pool.connect(), 'LISTEN'))
    clock.advance(graceAndSweep)
    expect(kinds()).toEqual([])
    const late = await lifeguard.runInScope(request, () => pool.connect())
    clock.advance(graceAndSweep)
    lifeguard.exempt(late, 'LISTEN')
    expect(resolved).toMatchObject([{ kind: 'outlived-scope', resolution: 'exempted: LISTEN' }])
  })

  it('has a grace of its own if it was acquired after the end', async () => {
    const { pool, lifeguard, clock, findings } = guarded()
    const scope = lifeguard.openScope(request)
    scope.end('the client aborted')
    clock.advance(5_000)
    await scope.run(() => pool.connect())
    clock.advance(grace - 100)
    expect(findings).toEqual([])
    clock.advance(350)
    expect(findings).toMatchObject([
      { kind: 'outlived-scope', hint: expect.stringMatching(/\(the client aborted\).*acquired this client/) },
    ])
  })

  it('is blamed on the scope that checked it out: the one around it goes on without blame', async () => {
    const { pool, lifeguard, clock, findings } = guarded()
    const outer = lifeguard.openScope(request)
    await outer.run(async () => {
      await pool.connect()
      await lifeguard.runInScope({ kind: 'job', name: 'mail' }, () => pool.connect())
    })
    clock.advance(graceAndSweep)
    expect(findings).toMatchObject([{ kind: 'outlived-scope', scope: { kind: 'job', name: 'mail' } }])
    outer.end('answered')
    clock.advance(graceAndSweep)
    expect(findings.slice(1)).toMatchObject([{ scope: { name: 'GET /x', ending: 'answered' } }])
  })

  it('belongs to no scope if the work was detached', async () => {
    const { pool, lifeguard, clock, findings } = guarded()
    await lifeguard.runInScope(request, async () => {
      await lifeguard.detach(async () => {
        expect(lifeguard.currentScope()).toBeUndefined()
        await pool.connect()
      })
      expect(lifeguard.currentScope()?.describe().name).toBe('GET /x')
    })
    clock.advance(20_000)
    expect(findings).toEqual([])
    expect(lifeguard.snapshot().checkouts[0]).not.toHaveProperty('scope')
  })

  it('is told with its scope, and how to find the trace, on the console', async () => {
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
    const printed: string[] = []
    const stream = { write: (text: string) => printed.push(text) > 0 } as unknown as NodeJS.WritableStream
    const reporters = [consoleReporter({ stream: stream as NodeJS.WriteStream, info: false })]
    const { pool, lifeguard, clock, findings } = guarded({ reporters })
    await lifeguard.runInScope({ ...request, traceparent }, () => pool.connect())
    clock.advance(graceAndSweep)
    expect(findings[0]?.scope).toMatchObject({
      traceId: traceparent.slice(3, 35),
      spanId: '00f067aa0ba902b7',
    })
    expect(printed.join('')).toMatch(
      /leak: outlived-scope in pool main\n[\s\S]*\n {2}in request GET \/x \(id 7\), trace 4bf92f3577b34da6a3ce929d0e0e4736\n/,
    )
  })
})

describe('in enforce', () => {
  it('the session is destroyed, its slot is free at once, and a late release is harmless', async () => {
    const { pool, lifeguard, clock, found, cleared, kinds } = guarded({ mode: 'enforce' }, 1)
    const leaked = await lifeguard.runInScope(request, async () => {
      const client = await pool.connect()
      await client.query('BEGIN')
      return client
    })
    const next = pool.connect()
    clock.advance(graceAndSweep)
    expect(await found('outlived-scope')).toMatchObject({ remedy: 'destroy', outcome: 'destroyed' })
    const client = await next
    expect(client).not.toBe(leaked)
    await expect(leaked.query('INSERT INTO items (note) VALUES ($1)', ['late'])).rejects.toMatchObject({
      code: 'LIFEGUARD_SESSION_DESTROYED',
    })
    leaked.release()
    expect((await cleared('outlived-scope')).resolution).toMatch(/^released after /)
    // The slot is that of the new owner.
    expect(pool).toMatchObject({ totalCount: 1, idleCount: 0 })
    await client.query('SELECT 1')
    client.release()
    expect(pool).toMatchObject({ totalCount: 1, idleCount: 1 })
    expect(kinds()).toEqual(['outlived-scope'])
  })

  it('a statement that is still running is cancelled on the server', async () => {
    const { pool, lifeguard, clock, found } = guarded({ mode: 'enforce' }, 1)
    let ended: Promise<unknown> = Promise.resolve()
    const client = await lifeguard.runInScope(request, async () => {
      const client = await pool.connect()
      ended = client.query('SELECT pg_sleep(60)').then(
        () => 'answered',
        (error) => error,
      )
      return client
    })
    await eventually(async () => expect(await db.sessions()).toMatchObject([{ state: 'active' }]))
    clock.advance(graceAndSweep)
    expect((await found('outlived-scope')).outcome).toBe('destroyed')
    expect(await ended).toMatchObject({ code: 'LIFEGUARD_SESSION_DESTROYED' })
    await eventually(async () => expect(await db.sessions()).toEqual([]))
    client.release()
  })

  it('the transaction alone is rolled back, if that is the remedy asked for', async () => {
    const remedies = { 'outlived-scope': 'rollback' } as const
    const { pool, lifeguard, clock, found, cleared } = guarded({ mode: 'enforce', remedies }, 1)
    const client = await lifeguard.runInScope(request, async () => {
      const client = await pool.connect()
      await client.query('BEGIN')
      await client.query("INSERT INTO items (note) VALUES ('half')")
      return client
    })
    clock.advance(graceAndSweep)
    expect((await found('outlived-scope')).outcome).toBe('rolled-back')
    await expect(client.query('COMMIT')).rejects.toMatchObject({ code: 'LIFEGUARD_TRANSACTION_ROLLED_BACK' })
    client.release()
    await cleared('outlived-scope')
    const { rows } = await pool.query("SELECT FROM items WHERE note = 'half'")
    expect(rows).toEqual([])
    expect(pool).toMatchObject({ totalCount: 1, idleCount: 1 })
  })
})
