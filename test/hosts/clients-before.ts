import type pg from 'pg'
import { expect } from 'vitest'
import type { Watchable } from '../../src/hosts/pool-source.ts'
import { createLifeguard, manualClock } from '../../src/index.ts'
import { eventually } from '../support/eventually.ts'

/** A pool of two clients, and the way in which its owners get and release them. */
export interface Owners {
  readonly host: Watchable
  acquire(): Promise<pg.PoolClient>
  release(client: pg.PoolClient): unknown
}

/** Both clients are out, and one caller waits, when the pool becomes watched. */
export async function clientsBefore(
  { host, acquire, release }: Owners,
  mode: 'observe' | 'enforce',
): Promise<void> {
  const clock = manualClock()
  const lifeguard = createLifeguard({ clock, mode, reporters: [] })
  const found: string[] = []
  lifeguard.on('finding', ({ kind, hint }) => found.push(`${kind}: ${hint}`))
  const pool = () => lifeguard.snapshot().pools[0]

  const [first, second] = [await acquire(), await acquire()]
  const stranger = acquire()
  await first.query('BEGIN')
  lifeguard.watch(host, { name: 'main' })
  expect(pool()).toMatchObject({ total: 2, idle: 0, out: 0 })
  await first.query('SELECT 1')
  clock.advance(60_000)
  await first.query('COMMIT')
  expect(found).toEqual([])

  const waiting = acquire()
  await eventually(() => expect(pool()?.waiting).toBe(2))
  clock.advance(5_500)
  expect(found).toEqual([
    expect.stringMatching(
      /^pool-exhausted: .*: 0 of 2 clients are checked out, 2 since before the pool was watched$/,
    ),
  ])
  await release(first)
  const third = await stranger
  await third.query('SELECT 1')
  clock.advance(60_000)
  await release(third)
  const fourth = await waiting
  expect(pool()).toMatchObject({ total: 2, idle: 0, out: 1, waiting: 0 })
  await fourth.query('SELECT 1')
  await release(fourth)
  await release(second)
  expect(pool()).toMatchObject({ total: 2, idle: 2, out: 0 })
  clock.advance(60_000)

  const [one, other] = [await acquire(), await acquire()]
  expect(lifeguard.snapshot().checkouts).toHaveLength(2)
  await release(one)
  await release(other)
  expect(found).toHaveLength(1)
  await lifeguard.close()
}
