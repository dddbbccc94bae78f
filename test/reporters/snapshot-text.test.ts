import { expect, it } from 'vitest'
import { formatSnapshot } from '../../src/index.ts'
import { useDatabase } from '../support/database.ts'
import { guardedPool, hereLine } from '../support/guarded-pool.ts'

const db = useDatabase()

it('shows who holds what, who waits, and what was found', async () => {
  const { pool, lifeguard, clock } = guardedPool({ ...db.config, max: 2 })
  const line = hereLine(1)
  const held = await lifeguard.runInScope({ kind: 'request', name: 'GET /orders/:id' }, () => pool.connect())
  await held.query('BEGIN')
  clock.advance(240_000)
  const brief = await lifeguard.runInScope({ kind: 'job', name: 'mail' }, () => pool.connect())
  const waiting = pool.query('SELECT 1')
  clock.advance(2_100)

  const text = formatSnapshot(lifeguard.snapshot())
  const lines = text.split('\n')
  expect(lines[0]).toBe('pool main: 2 of 2 clients out, 1 waiting')
  expect(lines[1]).toMatch(
    new RegExp(
      `^  held for 4 min 2 s  idle in transaction for 4 min 2 s  \\S+snapshot-text\\.test\\.ts:${line}:\\d+  request GET /orders/:id  pid \\d+$`,
    ),
  )
  expect(lines[2]).toMatch(/^ {2}held for 2\.1 s {6}idle for 2\.1 s\s+\S+:\d+:\d+\s+job mail\s+pid \d+$/)
  expect(lines[3]).toMatch(/^ {2}waits for 2\.1 s\s+\S*snapshot-text\.test\.ts:\d+:\d+$/)
  expect(lines[4]).toMatch(/^leak: outlived-scope in pool main, \S+snapshot-text\.test\.ts:\d+:\d+$/)

  brief.release()
  await waiting
  await held.query('ROLLBACK')
  held.release()
  expect(formatSnapshot(lifeguard.snapshot())).toBe('pool main: 0 of 2 clients out, 0 waiting')
})

it('counts what it does not show', async () => {
  const { pool, lifeguard } = guardedPool({ ...db.config, max: 12 })
  const clients = await Promise.all(Array.from({ length: 12 }, () => pool.connect()))
  const lines = formatSnapshot(lifeguard.snapshot()).split('\n')
  expect(lines).toHaveLength(12)
  expect(lines.at(-1)).toBe('  ... and 2 more')
  for (const client of clients) client.release()
})

it('says that there is nothing to show', () => {
  expect(formatSnapshot({ takenAt: 0, mode: 'observe', pools: [], checkouts: [], findings: [] })).toBe(
    'no pool is watched',
  )
})
