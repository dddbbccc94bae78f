import { expect } from 'vitest'
import { hereLine } from '../../support/guarded-pool.ts'
import { type Check, capability, codesOf, errorOf, expectLine } from '../contract.ts'

export const remedies = {
  async 'forced rollback'({ open, db }) {
    const { library, found, kinds } = await open({ mode: 'enforce' })
    const error = await errorOf(
      library.transaction(async (transaction) => {
        await transaction.run("INSERT INTO notes VALUES ('rolled back')")
        await found('idle-transaction')
        await transaction.run("INSERT INTO notes VALUES ('refused')")
      }),
    )
    expect(codesOf(error)).toContain('LIFEGUARD_TRANSACTION_ROLLED_BACK')
    expect((await db.query('SELECT body FROM notes')).rows).toEqual([])
    await library.transaction((transaction) => transaction.run("INSERT INTO notes VALUES ('works')"))
    expect((await db.query('SELECT body FROM notes')).rows).toEqual([{ body: 'works' }])
    expect(kinds()).toEqual(['idle-transaction'])
  },

  async destroy({ open, db, eventually }) {
    const { library, lifeguard, found, kinds } = await open({
      mode: 'enforce',
      remedies: { 'idle-transaction': 'destroy' },
    })
    const owner = await library.begin()
    await owner.run("INSERT INTO notes VALUES ('not kept')")
    const session = (await db.sessions()).at(-1)
    // The only slot is free again, and its next owner is served, though the first has not released.
    const next = library.run("INSERT INTO notes VALUES ('of the next owner')")
    expect(await found('idle-transaction')).toMatchObject({ outcome: 'destroyed' })
    await next
    const error = await errorOf(owner.run("INSERT INTO notes VALUES ('refused')"))
    expect(codesOf(error)).toContain('LIFEGUARD_SESSION_DESTROYED')
    await owner.rollback().catch(() => {})
    await library.transaction((transaction) => transaction.run("INSERT INTO notes VALUES ('works')"))
    await eventually(async () => {
      expect((await db.sessions()).map(({ pid }) => pid)).not.toContain(session?.pid)
    })
    const { rows } = await db.query<{ body: string }>('SELECT body FROM notes ORDER BY body')
    expect(rows.map(({ body }) => body)).toEqual(['of the next owner', 'works'])
    expect(lifeguard.snapshot().checkouts).toEqual([])
    expect(kinds()).not.toContain('double-release')
  },

  async restart({ open }) {
    const { library, lifeguard, found } = await open()
    const restart = capability(library.restart?.bind(library), 'restart')
    await library.run('SELECT 1')
    await restart()
    await library.run('SELECT 1')
    const line = hereLine(2)
    const transaction = await lifeguard.runInScope({ kind: 'job', name: 'after the restart' }, async () => {
      const opened = await library.begin()
      return opened
    })
    const finding = await found('outlived-scope')
    expect(finding).toMatchObject({ scope: { name: 'after the restart' } })
    expect(finding.pool).toMatch(/^main/)
    expectLine(finding.origin, import.meta.filename, line)
    await transaction.rollback()
    expect(lifeguard.snapshot().checkouts).toEqual([])
  },
} as const satisfies Readonly<Record<string, Check>>
