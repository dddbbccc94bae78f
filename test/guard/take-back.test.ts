import { describe, expect, it } from 'vitest'
import { internalsOf } from '../../src/guard/internals.ts'
import { openCheckouts, takeBackAll } from '../../src/guard/take-back.ts'
import type { Finding } from '../../src/index.ts'
import { useDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { type GuardedPool, guardedPool } from '../support/guarded-pool.ts'

const db = useDatabase()

function ledgerOf({ lifeguard }: GuardedPool) {
  const internals = internalsOf(lifeguard)
  if (internals === undefined) throw new Error('a lifeguard has internals')
  return internals.ledger
}

const every = () => true
const none = () => false

describe('taking back', () => {
  it('ends the transaction and the session, and frees the slot', async () => {
    const guarded = guardedPool({ ...db.config, max: 1 })
    const client = await guarded.pool.connect()
    await client.query('BEGIN; LOCK TABLE items')
    const left = await takeBackAll(ledgerOf(guarded), every, none)
    expect(left).toMatchObject([{ kind: 'outlived-scope', certainty: 'certain', outcome: 'destroyed' }])
    await eventually(async () => expect(await db.sessions()).toEqual([]))
    const next = await guarded.pool.connect()
    next.release()
    client.release()
  })

  it('takes a client that listens, too: a test has left it open, suspected before or not', async () => {
    const guarded = guardedPool({ ...db.config, max: 2 })
    const scope = guarded.lifeguard.openScope({ kind: 'test', name: 'listens' })
    const clients = [
      await scope.run(() => guarded.pool.connect()),
      await scope.run(() => guarded.pool.connect()),
    ]
    const [early, late] = clients
    await early?.query('LISTEN news')
    scope.end()
    guarded.clock.advance(1_250)
    await late?.query('LISTEN news')
    const left = await takeBackAll(ledgerOf(guarded), every, none)
    expect(left.map(({ kind, outcome }) => [kind, outcome])).toEqual([
      ['outlived-scope', 'destroyed'],
      ['outlived-scope', 'destroyed'],
    ])
    await eventually(async () => expect(await db.sessions()).toEqual([]))
    for (const client of clients) client.release()
  })

  it('takes the client of a caller that was served by it, too', async () => {
    const guarded = guardedPool({ ...db.config, max: 1 })
    const client = await guarded.pool.connect()
    const waiting = guarded.pool.connect()
    await eventually(() => expect(guarded.pool.waitingCount).toBe(1))
    expect(await takeBackAll(ledgerOf(guarded), every, none)).toHaveLength(2)
    const served = await waiting
    expect(openCheckouts(ledgerOf(guarded), every)).toEqual([])
    client.release()
    served.release()
  })

  it('spares what it is told to spare, and exempted clients', async () => {
    const guarded = guardedPool({ ...db.config, max: 2 })
    const spared = await guarded.pool.connect()
    const exempted = await guarded.pool.connect()
    guarded.lifeguard.exempt(exempted, 'by design')
    const seen: Finding[] = []
    const left = await takeBackAll(ledgerOf(guarded), every, (finding) => seen.push(finding) > 0)
    expect([left.length, seen.length]).toEqual([0, 1])
    await expect(spared.query('SELECT 1')).resolves.toBeDefined()
    await expect(exempted.query('SELECT 1')).resolves.toBeDefined()
    spared.release()
    exempted.release()
  })

  it('leaves what does not belong to the part of the program alone', async () => {
    const guarded = guardedPool({ ...db.config, max: 1 })
    const client = await guarded.pool.connect()
    expect(await takeBackAll(ledgerOf(guarded), none, none)).toEqual([])
    await expect(client.query('SELECT 1')).resolves.toBeDefined()
    client.release()
  })
})
