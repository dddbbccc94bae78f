import { deferred } from '../deferred.ts'
import type { LibraryTransaction } from '../library.ts'

/** How long a pool waits for a client where a test does not say: longer than any test. */
export const longMillis = 60_000

interface Inside {
  run(sql: string): Promise<unknown>
}

/** A transaction that its caller ends, of a library that knows only one around a piece of work. */
export async function openAround(
  around: (work: (transaction: Inside) => Promise<void>) => Promise<unknown>,
): Promise<LibraryTransaction> {
  const rolledBack = new Error('rolled back by the test')
  const { inside, end, over } = await opened(around, rolledBack)
  const settle = async (how: 'commit' | 'rollback') => {
    end(how)
    await over.catch((error: unknown) => {
      if (error !== rolledBack) throw error
    })
  }
  return {
    run: (text) => inside.run(text),
    commit: () => settle('commit'),
    rollback: () => settle('rollback'),
  }
}

/** Acquires a session and leaves it open, of a library that gives one only to a piece of work. */
export async function holdAround(
  around: (work: () => Promise<void>) => Promise<unknown>,
): Promise<() => unknown> {
  const { end, over } = await opened((work) => around(() => work({ run: async () => {} })), undefined)
  return async () => {
    end('commit')
    await over
  }
}

async function opened(
  around: (work: (transaction: Inside) => Promise<void>) => Promise<unknown>,
  rolledBack: Error | undefined,
) {
  const ended = deferred<'commit' | 'rollback'>()
  const started = deferred<Inside>()
  const over = around(async (transaction) => {
    started.resolve(transaction)
    if ((await ended.promise) === 'rollback') throw rolledBack
  })
  // The asynchronous stack of the library leads through this wait to the caller.
  const failed = async (): Promise<never> => {
    await over
    throw new Error('ended before it began')
  }
  const inside = await Promise.race([started.promise, failed()])
  return { inside, end: ended.resolve, over }
}

/** The transaction that a library gives to a piece of work, which ends it. */
export function endsWithWork(
  run: LibraryTransaction['run'],
  savepoint: LibraryTransaction['savepoint'] = savepointBySql(run),
): LibraryTransaction {
  const unended = async (): Promise<never> => {
    throw new Error('ends with the work')
  }
  return { run, savepoint, commit: unended, rollback: unended }
}

/** For a library that has no savepoints of its own. */
function savepointBySql(run: LibraryTransaction['run']): NonNullable<LibraryTransaction['savepoint']> {
  return async (work) => {
    await run('SAVEPOINT nested')
    try {
      await work({ run })
      await run('RELEASE SAVEPOINT nested')
    } catch (error) {
      await run('ROLLBACK TO SAVEPOINT nested')
      throw error
    }
  }
}
