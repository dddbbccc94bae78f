import type { EventEmitter } from 'node:events'
import type pg from 'pg'
import { describe, expect, it } from 'vitest'
import { useDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { guardedPool, socketOf } from '../support/guarded-pool.ts'

const db = useDatabase()
const request = { kind: 'request', name: 'GET /x' }

function guarded(options: Parameters<typeof guardedPool>[1] = {}) {
  return guardedPool({ ...db.config, max: 1 }, options)
}

interface Ended {
  readonly how: string
  end(client: pg.PoolClient): Promise<unknown>
}

const byOwner: Ended = {
  how: 'client.end() was called',
  end: (client) => (client as unknown as { end(): Promise<void> }).end(),
}

const byOthers: Ended[] = [
  {
    how: 'terminated by an administrator, or the server is shutting down (57P01)',
    end: (client) => db.terminate((client as unknown as { processID: number }).processID),
  },
  {
    how: 'the connection was lost',
    end: async (client) => socketOf(client).destroy(),
  },
]

async function closed(pool: pg.Pool, { end }: Ended): Promise<pg.PoolClient> {
  const client = await pool.connect()
  await client.query('SELECT 1')
  await end(client)
  await eventually(() => expect(client).toMatchObject({ _ended: true }))
  return client
}

describe('a client that its owner has closed and not released', () => {
  it('is certain to be a leak within a moment, and keeps its slot in observe', async () => {
    const { pool, clock, findings, resolved } = guarded()
    const client = await closed(pool, byOwner)
    clock.advance(150)
    expect(findings).toEqual([])
    clock.advance(500)
    expect(findings).toMatchObject([
      {
        kind: 'long-hold',
        certainty: 'certain',
        remedy: 'report',
        hint: expect.stringMatching(
          /^its connection was closed .* ago, and release was not called.*: client\.end\(\) was called$/,
        ),
      },
    ])
    clock.advance(60_000)
    expect(findings).toHaveLength(1)
    expect(pool.totalCount).toBe(1)
    client.release()
    expect(resolved).toMatchObject([{ kind: 'long-hold' }])
  })

  it('is no finding if it is released at once, or a moment later', async () => {
    const { pool, clock, findings } = guarded()
    for (const laterMillis of [0, 200]) {
      const client = await closed(pool, byOwner)
      clock.advance(laterMillis)
      client.release()
    }
    clock.advance(60_000)
    expect(findings).toEqual([])
  })

  it('is found also where limits on the time of a hold are off, or do not apply to it', async () => {
    const { pool, lifeguard, clock, kinds } = guarded({ limits: { holdMillis: false } })
    const client = await closed(pool, byOwner)
    lifeguard.exempt(client, 'held by design')
    clock.advance(1_000)
    expect(kinds()).toEqual(['long-hold'])
    client.release()
  })

  it('loses its slot to the next in line in enforce, and its late release is harmless', async () => {
    const { pool, clock, findings, found } = guarded({ mode: 'enforce' })
    const client = await closed(pool, byOwner)
    const waiting = pool.connect()
    clock.advance(1_000)
    expect(await found('long-hold')).toMatchObject({ remedy: 'destroy', outcome: 'destroyed' })
    const next = await waiting
    client.release()
    await next.query('SELECT 1')
    next.release()
    expect(pool).toMatchObject({ totalCount: 1, idleCount: 1 })
    expect(findings).toHaveLength(1)
  })
})

describe.each(byOthers)('a client whose session has ended and that is not released: $how', (ended) => {
  it('is no leak before its owner has had the time of a hold to learn of it', async () => {
    const { pool, clock, findings, kinds } = guarded()
    const client = await closed(pool, ended)
    clock.advance(29_000)
    expect(kinds()).toEqual(['session-killed'])
    clock.advance(2_000)
    expect(findings[1]).toMatchObject({ kind: 'long-hold', certainty: 'certain' })
    expect(findings[1]?.hint).toContain(`: ${ended.how}`)
    client.release()
  })

  it('loses its slot within a moment in enforce, since nothing is left to lose', async () => {
    const { pool, clock, findings, remedied, resolved } = guarded({ mode: 'enforce' })
    const client = await closed(pool, ended)
    expect(findings).toMatchObject([{ kind: 'session-killed', remedy: 'report' }])
    expect(findings[0]?.outcome).toBeUndefined()
    const waiting = pool.connect()
    clock.advance(1_000)
    const next = await waiting
    await eventually(() =>
      expect(remedied).toMatchObject([
        {
          kind: 'session-killed',
          remedy: 'destroy',
          outcome: 'destroyed',
          outcomeDetail: 'not released since then',
        },
      ]),
    )
    await expect(client.query('SELECT 1')).rejects.toMatchObject({ code: 'LIFEGUARD_SESSION_DESTROYED' })
    client.release()
    expect(resolved).toMatchObject([{ kind: 'session-killed' }])
    next.release()
    expect(pool).toMatchObject({ totalCount: 1, idleCount: 1 })
    expect(findings).toHaveLength(1)
  })

  it('keeps the error of its statement, and is left alone, where it is released in time', async () => {
    const { pool, clock, findings, remedied } = guarded({ mode: 'enforce' })
    const client = await closed(pool, ended)
    await expect(client.query('SELECT 1')).rejects.toThrow('not queryable')
    client.release()
    clock.advance(60_000)
    expect(findings).toHaveLength(1)
    expect(remedied).toEqual([])
  })
})

describe.each([byOwner, ...byOthers])('in a scope that has ended: $how', (ended) => {
  it('the hint says so', async () => {
    const { pool, lifeguard, clock, found } = guarded()
    const client = await lifeguard.runInScope(request, () => closed(pool, ended))
    clock.advance(1_300)
    const { hint } = await found('outlived-scope')
    expect(hint).toMatch(/^the request ended 1(\.\d)? s ago \(returned\), and its connection is closed/)
    expect(hint).toContain(ended.how)
    client.release()
  })
})

describe('a client whose session the server has ended while the connection stays open', () => {
  it('is a leak once the limit of a hold has passed since then', async () => {
    const { pool, lifeguard, clock, kinds } = guarded()
    const client = await pool.connect()
    lifeguard.exempt(client, 'held by design')
    clock.advance(60_000)
    const running = client.query('SELECT pg_sleep(60)')
    const { connection } = client as unknown as { connection: EventEmitter }
    const message = 'terminating connection due to administrator command'
    connection.emit('errorMessage', Object.assign(new Error(message), { severity: 'FATAL', code: '57P01' }))
    await expect(running).rejects.toThrow(message)
    clock.advance(29_000)
    expect(kinds()).toEqual(['session-killed'])
    clock.advance(1_200)
    expect(kinds()).toEqual(['session-killed', 'long-hold'])
    client.release(true)
  })
})
