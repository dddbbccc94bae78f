import { describe, expect, it } from 'vitest'
import {
  blockingTree,
  databasePart,
  deadlocks,
  type ServerSnapshot,
  serverSnapshot,
} from '../../../src/postgres/index.ts'
import { useDatabase } from '../../support/database.ts'
import { clientOf, openSession } from '../sessions.ts'
import { told } from '../told.ts'

const db = useDatabase()

/** Other test files use the same server at the same time. */
const _look = async () => told(databasePart(await serverSnapshot(clientOf(db)), db.name))

describe('cycles', () => {
  it('finds a real one with an outsider behind it, and calls it a deadlock at the second look', async () => {
    await db.query('INSERT INTO accounts VALUES (11, 0), (12, 0) ON CONFLICT DO NOTHING')
    const [one, two, outsider] = [
      await openSession(db, 'one'),
      await openSession(db, 'two'),
      await openSession(db, 'outsider'),
    ]
    // The server must leave the cycle alone for as long as the test looks at it.
    for (const session of [one, two]) await session.run("SET deadlock_timeout = '1h'")
    await one.run('BEGIN; UPDATE accounts SET balance = 1 WHERE id = 11')
    await two.run('BEGIN; UPDATE accounts SET balance = 2 WHERE id = 12')
    await one.waitsFor('UPDATE accounts SET balance = 1 WHERE id = 12')
    await two.waitsFor('UPDATE accounts SET balance = 2 WHERE id = 11')
    await outsider.waitsFor('DELETE FROM accounts WHERE id = 12')
    const earlier = databasePart(await serverSnapshot(clientOf(db)), db.name)
    const later = databasePart(await serverSnapshot(clientOf(db)), db.name)
    const { tree, roots } = told(later)
    expect(roots).toEqual([])
    const members = [`pid ${one.pid}`, `pid ${two.pid}`].toSorted()
    expect(tree.cycles.map((cycle) => cycle.toSorted())).toEqual([members])
    expect(deadlocks(earlier, later).map((cycle) => cycle.toSorted())).toEqual([members])
    const outside = tree.nodes.find(({ id }) => id === `pid ${outsider.pid}`)
    expect(outside?.roots.toSorted()).toEqual(members)
    expect(outside?.behind).toHaveLength(1)
  })

  it('calls nothing a deadlock that changed between two looks', () => {
    const at = (stateChange: string): ServerSnapshot => ({
      takenAt: '',
      server: {
        version: '18',
        versionNumber: 180_000,
        database: 'a',
        databaseId: 1,
        role: 'a',
        seesAll: true,
        inRecovery: false,
      },
      sessions: [1, 2].map((pid) => ({ pid, hidden: false, backendStart: 'b', stateChange })),
      waits: [],
      blocks: [
        { blocked: 1, blockerPid: 2, kind: 'hard' },
        { blocked: 2, blockerPid: 1, kind: 'hard' },
      ],
      prepared: [],
      hiddenSessions: 0,
    })
    expect(blockingTree(at('x')).cycles).toHaveLength(1)
    expect(deadlocks(at('x'), at('y'))).toEqual([])
    expect(deadlocks(at('x'), at('x'))).toHaveLength(1)
  })
})

describe('under churn', () => {
  it('no deadlock is reported where there is none', async () => {
    await db.query('INSERT INTO accounts SELECT n, 0 FROM generate_series(1, 4) AS n ON CONFLICT DO NOTHING')
    const workers = await Promise.all([1, 2, 3, 4, 5, 6].map((number) => openSession(db, `worker ${number}`)))
    let isOver = false
    // Always in the same order: they queue for each other all the time, and never in a circle.
    const work = workers.map(async ({ client }) => {
      while (!isOver) {
        await client.query(
          'BEGIN; UPDATE accounts SET balance = balance + 1 WHERE id = 1; SELECT pg_sleep(0.005); UPDATE accounts SET balance = 0 WHERE id = 2; COMMIT',
        )
      }
    })
    const looks: ServerSnapshot[] = []
    for (let number = 0; number < 60; number += 1) {
      looks.push(databasePart(await serverSnapshot(clientOf(db)), db.name))
    }
    isOver = true
    await Promise.all(work)
    expect(looks.some(({ blocks }) => blocks.length > 0)).toBe(true)
    const reported = looks.slice(1).flatMap((later, at) => deadlocks(looks[at] ?? later, later))
    expect(reported).toEqual([])
  })
})
