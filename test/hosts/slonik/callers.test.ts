import { describe, expect, it } from 'vitest'
import type { Snapshot } from '../../../src/index.ts'
import { useDatabase } from '../../support/database.ts'
import { eventually } from '../../support/eventually.ts'
import { hereLine } from '../../support/guarded-pool.ts'
import { toyGuard } from './toy-guard.ts'

const db = useDatabase()

/** The lines of this file, behind the toy, at which the connections were asked for. */
function linesOf(checkouts: Snapshot['checkouts']): unknown[] {
  return checkouts.map(({ origin }) => origin?.frames.find(({ file }) => file === import.meta.filename)?.line)
}

describe.each(['watch', 'lifeguardSlonik'] as const)('callers of a Slonik pool, by %s', (way) => {
  it('wait from when they ask a full pool until they have a connection', async () => {
    const { pool, lifeguard } = await toyGuard(db, way, { maxPoolSize: 1 })
    let letGo = () => {}
    const gone = new Promise<void>((resolve) => {
      letGo = resolve
    })
    const line = hereLine(2)
    const all = ['first', 'second'].map((name) =>
      lifeguard.runInScope({ kind: 'job', name }, () => pool.connect(() => gone)),
    )
    await eventually(() => expect(lifeguard.snapshot().pools).toMatchObject([{ out: 1 }]))
    const { checkouts } = lifeguard.snapshot()
    expect(checkouts).toMatchObject([
      { phase: 'out', scope: { name: 'first' } },
      { phase: 'waiting', scope: { name: 'second' } },
    ])
    expect(linesOf(checkouts)).toEqual([line, line])
    letGo()
    await Promise.all(all)
    expect(lifeguard.snapshot().checkouts).toEqual([])
  })

  it('do not wait while there is room, however many ask at once', async () => {
    const { pool, lifeguard } = await toyGuard(db, way, { maxPoolSize: 3 })
    const asking = Array.from({ length: 4 }, () => pool.any('SELECT 1'))
    await undefined
    expect(lifeguard.snapshot().checkouts.map(({ phase }) => phase)).toEqual(['waiting'])
    await Promise.all(asking)
    const again = pool.any('SELECT 1')
    await undefined
    expect(lifeguard.snapshot().checkouts).toEqual([])
    await again
  })

  it('have their line also behind interceptors that take their time', async () => {
    const slow = { name: 'slow', beforePoolConnection: () => new Promise((resolve) => setImmediate(resolve)) }
    const { pool, lifeguard } = await toyGuard(db, way, { interceptors: [slow] })
    const line = hereLine(1)
    await pool.connect(async () => {
      expect(linesOf(lifeguard.snapshot().checkouts)).toEqual([line])
    })
  })

  it('that asked before the pool was watched are left alone', async () => {
    const { pool, lifeguard, unwatch } = await toyGuard(db, way, { maxPoolSize: 1 })
    unwatch()
    await pool.connect(async () => {
      lifeguard.watch(pool)
      expect(lifeguard.snapshot().checkouts).toEqual([])
    })
    await pool.connect(async () => {
      expect(lifeguard.snapshot().checkouts).toHaveLength(1)
    })
    expect(lifeguard.snapshot().checkouts).toEqual([])
  })
})
