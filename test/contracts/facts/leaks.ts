import { expect, onTestFinished } from 'vitest'
import { hereLine } from '../../support/guarded-pool.ts'
import { type Check, capability, expectLine, type Guarded } from '../contract.ts'
import { deferred } from '../deferred.ts'
import type { LibraryTransaction } from '../library.ts'

const file = import.meta.filename

export const leaks = {
  async 'leaked transaction'({ open, db, eventually }) {
    for (const mode of ['observe', 'enforce'] as const) {
      await db.query('TRUNCATE notes')
      const { library, lifeguard, findings, found, close } = await open({ mode })
      const scope = lifeguard.openScope({ kind: 'request', name: 'GET /leak' })
      const stuck = deferred()
      const opened = deferred()
      onTestFinished(() => stuck.resolve())
      const work = async (transaction: LibraryTransaction) => {
        await transaction.run("INSERT INTO notes VALUES ('leaked')")
        opened.resolve()
        await stuck.promise
      }
      const line = hereLine(2)
      const answer = scope.run(async () => {
        await library.transaction(work)
      })
      answer.catch(() => {})
      await Promise.race([opened.promise, answer])
      scope.end('answered')
      const finding = await found('outlived-scope')
      expect(finding).toMatchObject({
        certainty: 'certain',
        scope: { kind: 'request', name: 'GET /leak' },
        remedy: mode === 'observe' ? 'report' : 'destroy',
      })
      expect(finding.pool).toMatch(/^main/)
      expectLine(finding.origin, file, line)
      stuck.resolve()
      // Observed, the transaction ends as if nobody had looked.
      if (mode === 'observe') await answer
      else await answer.catch(() => {})
      await eventually(() => expect(lifeguard.snapshot().checkouts).toEqual([]))
      expect((await db.query('SELECT body FROM notes')).rows).toHaveLength(mode === 'observe' ? 1 : 0)
      expect(findings.filter(({ kind }) => kind === 'double-release')).toEqual([])
      await close()
    }
  },

  async 'held session'({ open }) {
    const { library, lifeguard, found } = await open({ limits: { holdMillis: 10_000 } })
    const hold = capability(library.hold?.bind(library), 'session without a transaction')
    const line = hereLine(2)
    const release = await lifeguard.runInScope({ kind: 'job', name: 'holds' }, async () => {
      const taken = await hold()
      return taken
    })
    const finding = await found('outlived-scope', 'long-hold')
    expect(finding).toMatchObject({ scope: { kind: 'job', name: 'holds' } })
    expectLine(finding.origin, file, line)
    await release()
    await expectNothingHeld(lifeguard)
    await library.run('SELECT 1')
  },

  async 'dirty release'({ open, db }) {
    const { library, found, close } = await open()
    const line = hereLine(1)
    await library.run('BEGIN')
    const finding = await found('dirty-release')
    expect(finding).toMatchObject({ certainty: 'certain', remedy: 'report' })
    expectLine(finding.origin, file, line)
    await library.run('ROLLBACK')
    await close()

    const enforced = await open({ mode: 'enforce' })
    await enforced.library.run('BEGIN')
    expect(await enforced.found('dirty-release')).toMatchObject({ outcome: 'rolled-back' })
    await enforced.library.run("INSERT INTO notes VALUES ('kept')")
    expect((await db.query('SELECT body FROM notes')).rows).toEqual([{ body: 'kept' }])
  },

  async 'swallowed error'({ open, eventually }) {
    const { library, findings, kinds } = await open()
    const work = async (transaction: LibraryTransaction) => {
      await transaction.run("INSERT INTO notes VALUES ('lost')")
      await transaction.run('SELECT 1/0').catch(() => {})
    }
    const line = hereLine(2)
    const request = async () => {
      await library.transaction(work)
    }
    await request().catch(() => {})
    await eventually(() => expect(kinds()).toEqual(['lost-commit']))
    expectLine(findings[0]?.origin, file, line)
  },
} as const satisfies Readonly<Record<string, Check>>

async function expectNothingHeld(lifeguard: Guarded['lifeguard']): Promise<void> {
  expect(lifeguard.snapshot().checkouts).toEqual([])
}
