import { describe, expect, it } from 'vitest'
import { poolModels } from '../../page/model.ts'
import { nothing } from '../../page/settings.ts'
import { adviceOn, verdictOf } from '../../page/verdict.ts'
import { findingKinds } from '../../src/index.ts'
import type { PageServer } from '../../src/page/view/page-data.ts'
import type { CheckReport } from '../../src/postgres/report/server-report.ts'
import { checkoutOf, findingOf, poolOf } from './samples.ts'

const now = 100_000

function glance(
  pool = poolOf(),
  checkouts: readonly ReturnType<typeof checkoutOf>[] = [],
  findings: readonly ReturnType<typeof findingOf>[] = [],
  server?: PageServer,
) {
  const models = poolModels({ pools: [pool], checkouts, findings, levels: [] }, nothing, {
    from: now - 1,
    to: now,
  })
  const verdict = verdictOf(models, new Map(checkouts.map((one) => [one.id, one])), server, now)
  return { ...verdict, facts: Object.fromEntries(verdict.facts.map(({ name, text }) => [name, text])) }
}

describe('the first glance', () => {
  it('says that nothing is wrong', () => {
    expect(glance()).toMatchObject({ level: 'good', facts: {} })
  })

  it('does not say so before it has seen the server, nor when it cannot see it any more', () => {
    const unseen = { target: 'db', lookedAt: 0 }
    const report = { roots: [], blocking: [], idleInTransaction: [] } as unknown as CheckReport
    const seen = { ...unseen, report }
    const why = 'connection refused'
    expect(glance(undefined, [], [], unseen)).toMatchObject({
      level: 'unknown',
      title: 'Looking at the server...',
    })
    expect(glance(undefined, [], [], seen)).toMatchObject({ level: 'good' })
    expect(glance(undefined, [], [], { ...unseen, lost: why })).toMatchObject({
      level: 'warning',
      title: 'The server cannot be seen',
      facts: { why },
    })
    expect(glance(undefined, [], [], { ...seen, lost: why })).toMatchObject({
      level: 'warning',
      title: 'All was well when the server was last seen',
      facts: { why },
    })
  })

  it('says who holds a full pool, since when, from which line, who waits and what to do', () => {
    const open = { transaction: 'open', idleSince: 40_000, queryCount: 2, phase: 'out' } as const
    const waiting = { slot: undefined, acquiredAt: undefined, queued: true, requestedAt: 90_000 }
    const seen = glance(
      poolOf({ out: 2, waiting: 2 }),
      [
        checkoutOf({ id: '1', acquiredAt: 30_000, now: open }),
        checkoutOf({ id: '2', slot: 1, acquiredAt: 35_000, now: open }),
        checkoutOf({ id: '3', route: 'POST /pay', ...waiting }),
        checkoutOf({ id: '4', route: 'POST /pay', ...waiting }),
      ],
      [findingOf({ checkout: '1' })],
    )
    expect(seen).toMatchObject({
      level: 'bad',
      title: 'Pool main: 2 of 2 clients are out, and 2 callers wait, the first for 10 s',
      facts: {
        'held by': 'GET /a, 2 times (pid 10)',
        since: 'idle in transaction for 1 min',
        at: 'src/a.ts:1',
        waiting: 'POST /pay (2)',
        'what to do': expect.stringMatching(/^An early return\. Release the client/),
      },
    })
  })

  it('counts the leaks of a pool that nobody waits for', () => {
    const seen = glance(poolOf({ out: 1 }), [checkoutOf()], [findingOf({ outcome: 'rolled-back' })])
    expect(seen).toMatchObject({ level: 'bad', title: '1 leak is open' })
    expect(seen.facts).toMatchObject({ done: 'the transaction was rolled back' })
  })

  it('says that what was left behind is freed, whichever finding led to it', () => {
    const findings = [
      findingOf({ id: 'f1' }),
      findingOf({ id: 'f2', kind: 'idle-transaction', isLeak: false, outcome: 'destroyed' }),
    ]
    expect(glance(poolOf(), [checkoutOf({ endedAt: 90_000 })], findings)).toMatchObject({
      level: 'warning',
      title: 'What was left behind is freed, but the code is not repaired yet',
      facts: { 'left by': 'GET /a', done: 'the session was closed, its slot is free' },
    })
  })

  it('is milder about a suspicion', () => {
    const suspicion = findingOf({ isLeak: false, certainty: 'suspected', kind: 'long-hold' })
    expect(glance(poolOf(), [], [suspicion])).toMatchObject({ level: 'warning', title: '1 finding is open' })
  })

  it('says which session of the server blocks most, if the pools are fine', () => {
    const session = { pid: 9, state: 'idle in transaction', stateMillis: 240_000, application: 'psql' }
    const report = {
      roots: ['pid 9'],
      blocking: [
        { id: 'pid 9', session, roots: ['pid 9'] },
        { id: 'pid 10', roots: ['pid 9'] },
      ],
      idleInTransaction: [],
    }
    const server = { target: 'x', lookedAt: now, report } as unknown as PageServer
    expect(glance(poolOf(), [], [], server)).toMatchObject({
      level: 'bad',
      title: 'pid 9 blocks 1 session',
      facts: { since: '4 min' },
    })
  })

  it('has advice on every kind of finding', () => {
    expect(findingKinds.filter((kind) => adviceOn(kind).startsWith('See the documentation'))).toEqual([])
  })
})
