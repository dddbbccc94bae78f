import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import {
  createLifeguard,
  type Finding,
  type FindingKind,
  type LifeguardOptions,
  manualClock,
  type PoolExhaustedError,
} from '../../src/index.ts'
import { type TestDatabase, useDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { hereLine } from '../support/guarded-pool.ts'
import type { Library, LibrarySetUp } from './library.ts'

/** What every library owes its users under guard; each runs on the real library and a real server. */
export function describeContracts(libraries: readonly LibrarySetUp[]): void {
  const db = useDatabase()
  beforeEach(() => db.query('CREATE TABLE IF NOT EXISTS notes (body text); TRUNCATE notes'))

  describe.each(libraries)('under $name', (setUp) => {
    it('a transaction that a request never ends is found at its line, in its scope', async () => {
      const { library, lifeguard, clock, findings } = await guard(db, setUp)
      const scope = lifeguard.openScope({ kind: 'request', name: 'GET /leak' })
      let goOn = () => {}
      const stuck = new Promise<void>((resolve) => {
        goOn = resolve
      })
      const line = hereLine(3)
      const opened = new Promise<void>((resolve) => {
        const request = async () => {
          await library.transaction(async (transaction) => {
            await transaction.run('SELECT 1')
            resolve()
            await stuck
          })
        }
        void scope.run(request)
      })
      await opened
      scope.end('answered')
      clock.advance(60_000)
      const [finding] = findings.filter(({ kind }) => kind === 'outlived-scope')
      expect(finding).toMatchObject({ scope: { kind: 'request', name: 'GET /leak' }, pool: 'main' })
      expect(finding?.origin?.frames).toContainEqual(
        expect.objectContaining({ file: import.meta.filename, line }),
      )
      goOn()
      await eventually(() => expect(lifeguard.snapshot().checkouts).toEqual([]))
    })

    it('an error that is swallowed in the middle of a transaction is found', async () => {
      const { library, kinds } = await guard(db, setUp)
      await library
        .transaction(async (transaction) => {
          await transaction.run("INSERT INTO notes VALUES ('lost')")
          await transaction.run('SELECT 1/0').catch(() => {})
        })
        .catch(() => {})
      await eventually(() => expect(kinds()).toEqual(['lost-commit']))
    })

    it.each(['raw', 'checked'] as const)('correct use gives no finding, handles %s', async (handles) => {
      const { library, clock, findings } = await guard(db, setUp, { mode: 'enforce', handles }, 2)
      await library.transaction((transaction) => transaction.run("INSERT INTO notes VALUES ('kept')"))
      await expect(
        library.transaction(async (transaction) => {
          await transaction.run("INSERT INTO notes VALUES ('not kept')")
          throw new Error('changed its mind')
        }),
      ).rejects.toThrow('changed its mind')
      const own = await library.begin()
      await own.run('SAVEPOINT before')
      await own.run('ROLLBACK TO SAVEPOINT before')
      await own.commit()
      await Promise.all(Array.from({ length: 10 }, () => library.run('SELECT 1')))
      await library.run('SELECT 1/0').catch(() => {})
      clock.advance(60_000)
      expect((await db.query('SELECT body FROM notes')).rows).toEqual([{ body: 'kept' }])
      expect(findings).toEqual([])
    })

    it('a pool of one that is asked again inside a transaction is found, with the holder', async () => {
      const { library, lifeguard, clock, found } = await guard(db, setUp)
      await lifeguard.runInScope({ kind: 'request', name: 'GET /nested' }, async () => {
        const transaction = await library.begin()
        const waiting = library.begin()
        const finding = await found(['nested-acquire', 'pool-deadlock'], clock)
        const holders = finding.holders ?? []
        expect(holders).toMatchObject([{ scope: { name: 'GET /nested' } }])
        await transaction.rollback()
        await (await waiting).rollback()
      })
    })

    it("the library's own time-out names the holders", async () => {
      const { library, lifeguard } = await guard(db, setUp, {}, 1, 300)
      const holder = await lifeguard.runInScope({ kind: 'job', name: 'holds' }, () => library.begin())
      const error = await library.begin().then(
        () => undefined,
        (reason: unknown) => reason,
      )
      expect(causes(error).map(({ code }) => code)).toContain('LIFEGUARD_POOL_EXHAUSTED')
      const exhausted = causes(error).at(-1) as PoolExhaustedError
      expect(exhausted.message).toContain('job holds')
      await holder.rollback()
    })

    it('each of 20 requests at once is in its own scope', async () => {
      const { library, lifeguard, clock, findings } = await guard(db, setUp, {}, 20)
      const names = Array.from({ length: 20 }, (_, index) => `GET /${index}`)
      const open = await Promise.all(
        names.map((name) => lifeguard.runInScope({ kind: 'request', name }, () => library.begin())),
      )
      clock.advance(60_000)
      const told = findings.filter(({ kind }) => kind === 'outlived-scope').map(({ scope }) => scope?.name)
      expect(told.toSorted()).toEqual(names.toSorted())
      for (const transaction of open) await transaction.rollback()
    })

    it('in enforce, a full pool of leaks answers 20 of 20 requests', async () => {
      const { library, lifeguard, clock } = await guard(
        db,
        setUp,
        { mode: 'enforce', limits: { idleTransactionMillis: false, holdMillis: false } },
        2,
      )
      const answers = Array.from({ length: 20 }, (_, index) =>
        lifeguard.runInScope({ kind: 'request', name: `GET /${index}` }, async () => {
          await (await library.begin()).run('SELECT 1')
          return 'answered'
        }),
      )
      const all = Promise.all(answers)
      let settled = false
      void all.finally(() => {
        settled = true
      })
      await eventually(
        () => {
          clock.advance(500)
          expect(settled).toBe(true)
        },
        { withinMillis: 40_000 },
      )
      expect(await all).toHaveLength(20)
      await eventually(() => {
        clock.advance(5_000)
        expect(lifeguard.snapshot().checkouts).toEqual([])
      })
    })

    it('a forced rollback reaches the owner as an error, nothing stays, and the pool works on', async () => {
      const { library, clock, found } = await guard(db, setUp, { mode: 'enforce' })
      const refused = library.transaction(async (transaction) => {
        await transaction.run("INSERT INTO notes VALUES ('rolled back')")
        await found(['idle-transaction'], clock)
        await transaction.run("INSERT INTO notes VALUES ('refused')")
      })
      const error = await refused.then(
        () => undefined,
        (reason: unknown) => reason,
      )
      expect(causes(error).map(({ code }) => code)).toContain('LIFEGUARD_TRANSACTION_ROLLED_BACK')
      expect((await db.query('SELECT body FROM notes')).rows).toEqual([])
      await library.transaction((transaction) => transaction.run("INSERT INTO notes VALUES ('works')"))
      expect((await db.query('SELECT body FROM notes')).rows).toEqual([{ body: 'works' }])
    })

    it('after unwatch the library works on unguarded', async () => {
      const { library, lifeguard, unwatch } = await guard(db, setUp)
      const before = await library.begin()
      unwatch()
      await before.commit()
      await library.transaction((transaction) => transaction.run('SELECT 1'))
      expect(lifeguard.snapshot().pools).toEqual([])
    })
  })
}

async function guard(
  db: TestDatabase,
  setUp: LibrarySetUp,
  options: LifeguardOptions = {},
  max = 1,
  acquireMillis?: number,
) {
  const clock = manualClock()
  const lifeguard = createLifeguard({ clock, reporters: [], ...options })
  const findings: Finding[] = []
  lifeguard.on('finding', (finding) => findings.push(finding))
  const library: Library = setUp.open(db, { max, ...(acquireMillis === undefined ? {} : { acquireMillis }) })
  const unwatch = lifeguard.watch(library.host, { name: 'main' })
  await library.start?.()
  onTestFinished(async () => {
    await lifeguard.close()
    await library.close()
  })
  /** The first finding of one of these kinds, while time passes. */
  const found = (kinds: readonly FindingKind[], { advance }: typeof clock) =>
    eventually(() => {
      advance(1_000)
      const finding = findings.find(({ kind }) => kinds.includes(kind))
      if (finding === undefined) throw new Error(`no ${kinds.join(' or ')} yet`)
      return finding
    })
  return {
    library,
    lifeguard,
    clock,
    findings,
    found,
    unwatch,
    kinds: () => findings.map(({ kind }) => kind),
  }
}

/** An error and what is behind it, as libraries wrap it. */
function causes(error: unknown): { readonly code?: unknown; readonly message: string }[] {
  if (typeof error !== 'object' || error === null) return []
  const { cause, parent } = error as { readonly cause?: unknown; readonly parent?: unknown }
  return [error as { message: string }, ...causes(cause ?? parent)]
}
