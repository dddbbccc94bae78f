import { advisoryLocks, migrationToolOf } from '../../postgres/advisory-locks.ts'
import { growingPause } from '../../postgres/look/pace.ts'
import { sessionReport } from '../../postgres/report/session-report.ts'
import { presentQueryText } from '../../sql/redaction.ts'
import { exitCode } from '../exit-code.ts'
import { type Attempt, outcomeOf, runAttempt } from './attempt.ts'
import { codeOfSignal } from './child.ts'
import type { Migration } from './migration.ts'
import { type Baseline, findTraces, olderInvalid, takeBaseline } from './traces.ts'

const longestPauseMillis = 60_000
/** After fewer looks, a short session may have been missed. */
const unseenAfterLooks = 10
/** The limit of holders of advisory locks that are named. */
const mostHolders = 3

/**
 * Runs the command until it succeeds, fails for another reason than locks, or has no retries left.
 *
 * @returns the exit code
 */
export async function runWithRetries(migration: Migration): Promise<number> {
  const { emit, server, policy } = migration
  for (let number = 1; ; number += 1) {
    const baseline = (await server.ask(takeBaseline)) ?? {}
    const attempt = await runAttempt(migration)
    if (attempt.end.failure !== undefined) {
      emit({ event: 'not-started', reason: attempt.end.failure })
      return attempt.end.code
    }
    emitUnseen(attempt, migration)
    const outcome = outcomeOf(attempt, policy.trustExitCode)
    if (outcome === 'done') {
      for (const event of (await server.ask((one) => olderInvalid(one, baseline))) ?? []) emit(event)
      return attempt.end.code
    }
    const isRetryUseless = await emitTraces(migration, baseline, outcome === 'locks')
    if (outcome === 'failed') {
      if (!attempt.isInterrupted && attempt.waits.last === undefined) await emitAdvisoryLocks(migration)
      return attempt.end.code
    }
    if (outcome === 'terminated') {
      emit({ event: 'terminated-elsewhere', pid: attempt.terminatedPid ?? 0 })
      return attempt.end.code
    }
    if (outcome === 'false-success') {
      emitFalseSuccess(attempt, migration)
      return exitCode.locks
    }
    const { last, isSelfBlocked } = attempt.waits
    if (last !== undefined && isSelfBlocked) emit({ event: 'self-blocked', pid: last.session.pid })
    if (isRetryUseless || isSelfBlocked || number > policy.retries) {
      emit({ event: 'gave-up', attempts: number })
      return exitCode.locks
    }
    const interruptedBy = await pauseBefore(number, migration)
    if (interruptedBy !== undefined) return codeOfSignal(interruptedBy)
  }
}

function emitUnseen(attempt: Attempt, { emit, target, hasOptions }: Migration): void {
  const { sessionsSeen, looks, end, isUnreached } = attempt
  if (sessionsSeen > 0) return
  const isRefused = isUnreached && hasOptions && end.code !== 0 && end.signal === undefined
  if (isRefused || looks >= unseenAfterLooks) {
    emit({ event: 'unseen', target, ...(isRefused ? { isFailed: true } : {}) })
  }
}

/** @returns whether the traces make another attempt useless */
async function emitTraces(
  { server, emit }: Migration,
  baseline: Baseline,
  isRetryWanted: boolean,
): Promise<boolean> {
  const traces = await server.ask((control) => findTraces(control, baseline))
  if (traces === undefined) return false
  for (const event of traces.events) {
    // A command that failed by itself may have committed changes before; that is not reported.
    if (event.event !== 'committed' || isRetryWanted) emit(event)
  }
  return traces.isRetryUseless
}

/** Reports held advisory locks: a tool that finds its lock taken fails at once, without a visible wait. */
async function emitAdvisoryLocks({ server, emit, policy, application }: Migration): Promise<void> {
  const sight = await server.look()
  const locks = sight && (await server.ask(advisoryLocks))
  if (sight === undefined || locks === undefined) return
  const { snapshot } = sight
  const held = locks.flatMap((lock) => {
    const session = snapshot.sessions.find(({ pid }) => pid === lock.pid)
    const isOurs = session?.application === application || session?.application === 'pg-lifeguard'
    return session === undefined || isOurs ? [] : [{ lock, session, tool: migrationToolOf(lock) }]
  })
  const known = held.filter(({ tool }) => tool !== undefined)
  for (const { lock, session, tool } of (known.length > 0 ? known : held).slice(0, mostHolders)) {
    emit({
      event: 'advisory-lock',
      key: lock.key,
      session: sessionReport(session, snapshot, {
        queryText: policy.queryText,
        originOf: () => undefined,
      }),
      ...(tool === undefined ? {} : { tool }),
    })
  }
}

function emitFalseSuccess({ waits }: Attempt, { emit, policy }: Migration): void {
  for (const { session, wait } of waits.refusals) {
    const query = presentQueryText(session.query, policy.queryText)
    emit({ event: 'false-success', target: wait.target, ...(query === undefined ? {} : { query }) })
  }
}

async function pauseBefore(
  number: number,
  { pace, emit, signals, policy: { retries, retryPauseMillis } }: Migration,
): Promise<NodeJS.Signals | undefined> {
  const pauses = { first: retryPauseMillis, most: longestPauseMillis }
  const pauseMillis = growingPause(number - 1, pauses, pace.random())
  emit({ event: 'retry', number, of: retries, pauseMillis })
  await pace.pause(pauseMillis, signals.signal)
  return signals.first
}
