import { expect } from 'vitest'
import { hereLine } from '../../support/guarded-pool.ts'
import { type Check, causes, codesOf, errorOf, expectLine, type Guarded } from '../contract.ts'

const file = import.meta.filename

export const waits = {
  async 'nested transaction'({ open }) {
    const { library, lifeguard, found } = await open()
    await lifeguard.runInScope({ kind: 'request', name: 'GET /nested' }, async () => {
      const holding = hereLine(1)
      const transaction = await library.begin()
      await transaction.run('SELECT 1')
      const waiting = hereLine(2)
      const second = (async () => {
        await (await library.begin()).rollback()
      })()
      await expectBoth(await found('pool-deadlock'), holding, waiting)
      await transaction.rollback()
      await second
    })
  },

  async 'nested statement'({ open }) {
    const { library, lifeguard, found } = await open()
    await lifeguard.runInScope({ kind: 'request', name: 'GET /nested' }, async () => {
      const holding = hereLine(1)
      const transaction = await library.begin()
      await transaction.run('SELECT 1')
      const waiting = hereLine(2)
      const statement = (async () => {
        await library.run('SELECT 2')
      })()
      await expectBoth(await found('pool-deadlock'), holding, waiting)
      await transaction.rollback()
      await statement
    })
  },

  async deadlock({ open, db }) {
    const { library, lifeguard, found } = await open({
      mode: 'enforce',
      remedies: { 'pool-deadlock': 'reject' },
    })
    const answer = lifeguard.runInScope({ kind: 'request', name: 'GET /nested' }, async () => {
      const transaction = await library.begin()
      try {
        await transaction.run("INSERT INTO notes VALUES ('not kept')")
        await library.begin()
      } finally {
        await transaction.rollback()
      }
    })
    const failed = answer.catch((error: unknown) => error)
    expect(await found('pool-deadlock')).toMatchObject({ outcome: 'rejected' })
    expect(codesOf(await failed)).toContain('LIFEGUARD_POOL_DEADLOCK')
    expect((await db.query('SELECT body FROM notes')).rows).toEqual([])
    await library.run('SELECT 1')
    expect(lifeguard.snapshot().checkouts).toEqual([])
  },

  async exhaustion({ open }) {
    const { library, lifeguard } = await open({}, { acquireMillis: 300 })
    const line = hereLine(2)
    const holder = await lifeguard.runInScope({ kind: 'job', name: 'holds' }, async () => {
      const transaction = await library.begin()
      return transaction
    })
    const error = await errorOf(library.begin())
    expect(codesOf(error)).toContain('LIFEGUARD_POOL_EXHAUSTED')
    expect(causes(error).at(-1)?.message).toContain('job holds')
    const holders = causes(error).flatMap((cause) => (cause as { holders?: Holders }).holders ?? [])
    expect(holders).toHaveLength(1)
    expectLine(holders[0]?.origin, file, line)
    await holder.rollback()
    await library.run('SELECT 1')
  },

  async scopes({ open }) {
    const { library, lifeguard, clock, findings } = await open({}, { max: 20 })
    const names = Array.from({ length: 20 }, (_, index) => `GET /${index}`)
    const line = hereLine(3)
    const start = (name: string) =>
      lifeguard.runInScope({ kind: 'request', name }, async () => {
        const transaction = await library.begin()
        return transaction
      })
    const open20 = await Promise.all(names.map(start))
    clock.advance(60_000)
    const outlived = findings.filter(({ kind }) => kind === 'outlived-scope')
    expect(outlived.map(({ scope }) => scope?.name).toSorted()).toEqual(names.toSorted())
    for (const { origin } of outlived) expectLine(origin, file, line)
    for (const transaction of open20) await transaction.rollback()
  },

  async 'full pool'({ open, eventually }) {
    const { library, lifeguard, clock } = await open(
      { mode: 'enforce', limits: { idleTransactionMillis: false, holdMillis: false } },
      { max: 2 },
    )
    let answered = 0
    const answers = Array.from({ length: 20 }, (_, index) =>
      lifeguard.runInScope({ kind: 'request', name: `GET /${index}` }, async () => {
        await (await library.begin()).run('SELECT 1')
        answered += 1
      }),
    )
    const all = Promise.all(answers)
    all.catch(() => {})
    await eventually(() => {
      clock.advance(500)
      expect(answered).toBe(20)
    })
    await all
    await eventually(() => {
      clock.advance(5_000)
      expect(lifeguard.snapshot().checkouts).toEqual([])
    })
  },
} as const satisfies Readonly<Record<string, Check>>

type DeadlockFinding = Awaited<ReturnType<Guarded['found']>>
type Holders = NonNullable<DeadlockFinding['holders']>

async function expectBoth(finding: DeadlockFinding, holding: number, waiting: number): Promise<void> {
  expect(finding.scope).toMatchObject({ name: 'GET /nested' })
  expect(finding.holders).toMatchObject([{ scope: { name: 'GET /nested' } }])
  expectLine(finding.holders?.[0]?.origin, file, holding)
  expectLine(finding.origin, file, waiting)
}
