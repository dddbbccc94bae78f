import { dropStatement, type InvalidIndex, invalidIndexes } from '../../postgres/invalid-indexes.ts'
import { presentQueryText } from '../../sql/redaction.ts'
import { exitCode } from '../exit-code.ts'
import { growingPause } from '../pace.ts'
import { outcomeOf, runAttempt } from './attempt.ts'
import { codeOfSignal } from './child.ts'
import type { WaitEnd } from './lock-waits.ts'
import type { Migration } from './migration.ts'

const longestPauseMillis = 60_000
/** Of a command that ends sooner, a session may have come and gone between two looks. */
const unseenAfterLooks = 10

/**
 * Runs the command until it gets through, fails for another reason than locks, or has used up its retries.
 *
 * @returns the exit code
 */
export async function runWithRetries(migration: Migration): Promise<number> {
  const { tell, server, policy } = migration
  const invalidBefore = await server.ask(invalidIndexes)
  for (let number = 1; ; number += 1) {
    const attempt = await runAttempt(migration)
    if (attempt.end.failure !== undefined) {
      tell({ event: 'not-started', reason: attempt.end.failure })
      return attempt.end.code
    }
    if (attempt.sessionsSeen === 0 && attempt.looks >= unseenAfterLooks) {
      tell({ event: 'unseen', target: migration.target })
    }
    const outcome = outcomeOf(attempt, policy.trustExitCode)
    if (outcome === 'done') return attempt.end.code
    const isIndexLeft = await tellInvalidIndexes(migration, invalidBefore)
    if (outcome === 'failed') return attempt.end.code
    if (outcome === 'false-success') {
      tellFalseSuccess(attempt.refusals, migration)
      return exitCode.locks
    }
    // With an index left behind, the same statement fails, or passes over it with IF NOT EXISTS.
    if (isIndexLeft || number > policy.retries) {
      tell({ event: 'gave-up', attempts: number })
      return exitCode.locks
    }
    const interruptedBy = await pauseBefore(number, migration)
    if (interruptedBy !== undefined) return codeOfSignal(interruptedBy)
  }
}

function tellFalseSuccess(refusals: readonly WaitEnd[], { tell, policy }: Migration): void {
  for (const { session, wait } of refusals) {
    const query = presentQueryText(session.query, policy.queryText)
    tell({ event: 'false-success', target: wait.target, ...(query === undefined ? {} : { query }) })
  }
}

/** @returns whether the attempt has left any behind */
async function tellInvalidIndexes(
  { server, tell }: Migration,
  before: readonly InvalidIndex[] | undefined,
): Promise<boolean> {
  const now = await server.ask(invalidIndexes)
  if (before === undefined || now === undefined) return false
  const fresh = now.filter(({ id }) => !before.some((one) => one.id === id))
  for (const index of fresh) {
    const { schema, name, table } = index
    tell({ event: 'invalid-index', name: `${schema}.${name}`, table, drop: dropStatement(index) })
  }
  return fresh.length > 0
}

async function pauseBefore(
  number: number,
  { pace, tell, signals, policy: { retries, retryPauseMillis } }: Migration,
): Promise<NodeJS.Signals | undefined> {
  const pauses = { first: retryPauseMillis, most: longestPauseMillis }
  const pauseMillis = growingPause(number - 1, pauses, pace.random())
  tell({ event: 'retry', number, of: retries, pauseMillis })
  await pace.pause(pauseMillis, signals.signal)
  return signals.first
}
