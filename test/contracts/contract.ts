import { expect, onTestFinished } from 'vitest'
import {
  createLifeguard,
  type Finding,
  type FindingKind,
  type LifeguardOptions,
  manualClock,
  type Origin,
} from '../../src/index.ts'
import type { TestDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import type { Library, LibrarySetUp } from './library.ts'

/** The test of one fact, for one library. */
export type Check = (contract: Contract) => Promise<void>

export interface Contract {
  readonly db: TestDatabase
  /** Opens the library, watched; whatever the test leaks is gone when it ends. */
  open(options?: LifeguardOptions, pool?: { max?: number; acquireMillis?: number }): Promise<Guarded>
  /** Repeats the attempt until it no longer throws; not for long where the fact is known not to hold. */
  eventually<Result>(attempt: () => Result | Promise<Result>): Promise<Result>
}

export type Guarded = Awaited<ReturnType<typeof guard>>

export function contractOf(setUp: LibrarySetUp, db: TestDatabase, isException: boolean): Contract {
  const withinMillis = isException ? 3_000 : 60_000
  const patiently: Contract['eventually'] = (attempt) => eventually(attempt, { withinMillis })
  return {
    db,
    open: (options, { max = 1, acquireMillis } = {}) =>
      guard(patiently, db, setUp, options, max, acquireMillis),
    eventually: patiently,
  }
}

async function guard(
  patiently: Contract['eventually'],
  db: TestDatabase,
  setUp: LibrarySetUp,
  options: LifeguardOptions = {},
  max: number,
  acquireMillis?: number,
) {
  const clock = manualClock()
  const lifeguard = createLifeguard({ clock, reporters: [], ...options })
  const findings: Finding[] = []
  lifeguard.on('finding', (finding) => findings.push(finding))
  const opened = await setUp.open(db, {
    lifeguard,
    max,
    ...(acquireMillis === undefined ? {} : { acquireMillis }),
  })
  const { library, endAll } = endingAll(opened)
  const unwatch = lifeguard.watch(library.host, { name: 'main' })
  let hasClosed: Promise<unknown> | undefined
  const close = () => {
    hasClosed ??= lifeguard
      .close()
      .then(endAll)
      .then(() => closed(db, library))
    return hasClosed
  }
  onTestFinished(async () => {
    await close()
  })
  await library.start?.()
  return {
    library,
    lifeguard,
    clock,
    findings,
    /** The first finding of one of these kinds, while time passes; with what was done about it. */
    found: (...kinds: FindingKind[]) =>
      patiently(() => {
        // A remedy that is under way has a limit of its own: time stands still for it.
        const isOpen = lifeguard.snapshot().findings.some(({ kind }) => kinds.includes(kind))
        if (!isOpen) clock.advance(1_000)
        const finding = findings.find(({ kind }) => kinds.includes(kind))
        if (finding === undefined) throw new Error(`no ${kinds.join(' or ')} yet`)
        return finding
      }),
    unwatch,
    kinds: () => findings.map(({ kind }) => kind),
    /** Before the end of the test, for one that opens the library several times. */
    close,
  }
}

/** The library, and a way to end what a test that has failed leaves open. */
function endingAll(library: Library): { library: Library; endAll: () => Promise<unknown> } {
  const ends: (() => unknown)[] = []
  const hold = library.hold?.bind(library)
  return {
    library: {
      ...library,
      async begin() {
        const transaction = await library.begin()
        ends.push(() => transaction.rollback())
        return transaction
      },
      ...(hold && {
        async hold() {
          const release = await hold()
          ends.push(release)
          return release
        },
      }),
    },
    endAll: () => briefly(Promise.allSettled(ends.map(async (end) => end()))),
  }
}

/** A library may wait for a session that a test has leaked. */
async function closed(db: TestDatabase, library: Library): Promise<void> {
  const closing = library.close().then(
    () => true,
    () => true,
  )
  if (await briefly(closing)) return
  for (const { pid } of await db.sessions()) await db.terminate(pid)
  await briefly(closing)
}

function briefly<Result>(promise: Promise<Result>): Promise<Result | undefined> {
  return Promise.race([promise, new Promise<undefined>((resolve) => setTimeout(resolve, 2_000, undefined))])
}

/** Set-ups and facts are the user's code. */
const testFolder = /[\\/]test[\\/](all[\\/]libraries[\\/])?contracts[\\/]/

/** The origin is a line of the user's own, reached from this line of the fact. */
export function expectLine(origin: Origin | undefined, file: string, line: number): void {
  expect(origin?.file).toMatch(testFolder)
  expect(origin?.frames).toContainEqual(expect.objectContaining({ file, line }))
}

/** What it is rejected with. */
export async function errorOf(promise: PromiseLike<unknown>): Promise<unknown> {
  try {
    await promise
  } catch (error) {
    return error
  }
  throw new Error('it was not rejected')
}

/** The codes of an error and of what is behind it, as libraries wrap it. */
export function codesOf(error: unknown): unknown[] {
  return causes(error).map(({ code }) => code)
}

export function causes(error: unknown): { readonly code?: unknown; readonly message: string }[] {
  if (typeof error !== 'object' || error === null) return []
  const { cause, parent } = error as { readonly cause?: unknown; readonly parent?: unknown }
  return [error as { message: string }, ...causes(cause ?? parent)]
}

/** What a library cannot do is an exception with a reason, too. */
export function capability<Method>(method: Method | undefined, what: string): Method {
  if (method === undefined) throw new Error(`the library has no ${what}`)
  return method
}
