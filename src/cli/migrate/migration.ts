import { dropStatement, type InvalidIndex, invalidIndexes } from '../../postgres/invalid-indexes.ts'
import { presentQueryText } from '../../sql/redaction.ts'
import { exitCode } from '../exit-code.ts'
import { growingPause } from '../pace.ts'
import { type Attempt, type AttemptHost, runAttempt } from './attempt.ts'
import { codeOfSignal } from './child.ts'

export interface MigrationOptions {
  readonly retries: number
  readonly retryPauseMillis: number
  /** An exit code 0 is believed, whatever the server says. */
  readonly trustExitCode: boolean
}

export interface MigrationHost extends AttemptHost {
  readonly target: string
}

/** What came of one attempt. Only what is about locks is tried again. */
export type Verdict = 'done' | 'failed' | 'locks' | 'false-success'

const longestPauseMillis = 60_000
/** Of a command that is over sooner, a session may have come and gone between two looks. */
const unseenAfterLooks = 10

/**
 * Runs the command until it gets through, fails for another reason than locks, or has been tried often enough.
 *
 * @returns the exit code
 */
export async function runMigration(options: MigrationOptions, host: MigrationHost): Promise<number> {
  const { tell, view, policy } = host
  const invalidBefore = await view.ask(invalidIndexes)
  for (let number = 1; ; number += 1) {
    const attempt = await runAttempt(host)
    if (attempt.end.failure !== undefined) {
      tell({ event: 'not-started', reason: attempt.end.failure })
      return attempt.end.code
    }
    if (attempt.sessionsSeen === 0 && attempt.looks >= unseenAfterLooks) {
      tell({ event: 'unseen', target: host.target })
    }
    const verdict = judge(attempt, options.trustExitCode)
    if (verdict === 'done') return attempt.end.code
    const left = await leftInvalid(host, invalidBefore)
    if (verdict === 'failed') return attempt.end.code
    if (verdict === 'false-success') {
      for (const { session, wait } of attempt.refusals) {
        const query = presentQueryText(session.query, policy.queryText)
        tell({ event: 'false-success', target: wait.target, ...(query === undefined ? {} : { query }) })
      }
      return exitCode.locks
    }
    // With an index left behind, the same statement fails, or passes over it with IF NOT EXISTS.
    if (left || number > options.retries) {
      tell({ event: 'gave-up', attempts: number })
      return exitCode.locks
    }
    const interruptedBy = await pauseBefore(number, options, host)
    if (interruptedBy !== undefined) return codeOfSignal(interruptedBy)
  }
}

/** Whether the locks were it. The exit code alone does not tell. */
export function judge(attempt: Attempt, trustExitCode: boolean): Verdict {
  const { end, isInterrupted, lastEnd, refusals } = attempt
  if (isInterrupted || end.signal !== undefined) return 'failed'
  if (end.code === 0) return refusals.length > 0 && !trustExitCode ? 'false-success' : 'done'
  return lastEnd === undefined || lastEnd.verdict === 'granted' ? 'failed' : 'locks'
}

async function leftInvalid(
  { view, tell }: MigrationHost,
  before: readonly InvalidIndex[] | undefined,
): Promise<boolean> {
  const now = await view.ask(invalidIndexes)
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
  { retries, retryPauseMillis }: MigrationOptions,
  { pace, tell, relay }: MigrationHost,
): Promise<NodeJS.Signals | undefined> {
  const pauses = { first: retryPauseMillis, most: longestPauseMillis }
  const pauseMillis = growingPause(number - 1, pauses, pace.random())
  tell({ event: 'retry', number, of: retries, pauseMillis })
  await pace.pause(pauseMillis, relay.signal)
  return relay.first
}
