import type { DatabaseCounters } from '../../../postgres/database-counters.ts'
import type { ServerSession, ServerSnapshot } from '../../../postgres/index.ts'
import { identityOf } from './command-sessions.ts'
import type { WaitEnd } from './lock-waits.ts'

/** The ends of one attempt's waits, as far as they are certain. */
export interface WaitRecord {
  /**
   * Records finished waits, and their sessions in the present look.
   *
   * @returns the waits whose end is certain now
   */
  add(ends: readonly WaitEnd[], seen: Seen): readonly WaitEnd[]
  /** Decides the rest after the command has ended. */
  close(isSuccess: boolean, counters: DatabaseCounters | undefined): readonly WaitEnd[]
  /** True if a wait was long enough for a deadlock: the server's counters show whether there was one. */
  readonly wantsCounters: boolean
  /** The last wait. */
  readonly last: WaitEnd | undefined
  /** Statements that failed because they did not get a lock, and were not seen to succeed later. */
  readonly refusals: readonly WaitEnd[]
}

export interface Seen {
  readonly snapshot: ServerSnapshot
  readonly own: readonly ServerSession[]
  readonly suspects: readonly ServerSession[]
  readonly counters?: DatabaseCounters
}

/** The share of a time limit that counts as reached, because waits are measured from look to look. */
const leastShare = 0.9

export function waitRecord(before: DatabaseCounters | undefined, lockTimeoutMillis: number): WaitRecord {
  let pending: readonly WaitEnd[] = []
  let refusals: readonly WaitEnd[] = []
  let last: WaitEnd | undefined

  /** Whether a wait lasted until the server checks for deadlocks, and the lock timeout did not end it. */
  const mayBeDeadlock = (end: WaitEnd) =>
    before !== undefined &&
    !end.isCancelled &&
    end.millis >= before.deadlockMillis * leastShare &&
    !isTimedOut(end, lockTimeoutMillis)
  const isDeadlock = (end: WaitEnd, counters: DatabaseCounters | undefined) =>
    mayBeDeadlock(end) && (counters?.deadlocks ?? 0) > (before?.deadlocks ?? Number.POSITIVE_INFINITY)

  function decide(end: WaitEnd, verdict: WaitEnd['verdict'], isSuspect = false): WaitEnd {
    const decided = { ...end, verdict }
    if (last === undefined || isSameWait(last, end)) last = decided
    if ((verdict === 'refused' || verdict === 'deadlock') && !isSuspect) refusals = [...refusals, decided]
    if (verdict === 'granted') forget(end.session)
    return decided
  }

  /** Forgets a refusal if the command runs the same statement again: it handles the refusal itself. */
  function forget({ query }: ServerSession): void {
    refusals = refusals.filter(({ session }) => query === undefined || session.query !== query)
  }

  /**
   * Whether the session continues after a deadlock: the server does not report the victim, which may be the other one.
   */
  function isGoingOn(end: WaitEnd, { snapshot, counters }: Seen): boolean {
    if (mayBeDeadlock(end) && (counters === undefined || isDeadlock(end, counters))) return false
    const now = snapshot.sessions.find((one) => identityOf(one) === identityOf(end.session))
    return now !== undefined && now.state !== 'idle in transaction (aborted)'
  }

  return {
    add(ends, seen) {
      const { snapshot, own, suspects } = seen
      const decided: WaitEnd[] = []
      for (const end of [...pending, ...ends]) {
        if (ends.includes(end)) last = end
        const isSuspect = suspects.some((one) => identityOf(one) === identityOf(end.session))
        const verdict = end.verdict === 'passed' && isGoingOn(end, seen) ? 'granted' : end.verdict
        if (verdict !== 'passed') decided.push(decide(end, verdict, isSuspect))
      }
      pending = [...pending, ...ends].filter(
        (end) => end.verdict === 'passed' && !decided.some((one) => isSameWait(one, end)),
      )
      for (const session of own) {
        const isAtWork = session.state === 'active' && !snapshot.waits.some(({ pid }) => pid === session.pid)
        if (isAtWork) forget(session)
      }
      return decided
    },
    close(isSuccess, counters) {
      const decided = pending.flatMap((end) => {
        if (isSuccess) return [decide(end, 'granted')]
        return isDeadlock(end, counters) ? [decide(end, 'deadlock')] : []
      })
      pending = []
      if (!isSuccess && last?.verdict === 'refused' && isDeadlock(last, counters)) {
        last = { ...last, verdict: 'deadlock' }
        decided.push(last)
      }
      return decided
    },
    get wantsCounters() {
      return pending.some(mayBeDeadlock) || (last?.verdict === 'refused' && mayBeDeadlock(last))
    },
    get last() {
      return last
    },
    get refusals() {
      return refusals
    },
  }
}

/** Whether a wait lasted as long as the lock timeout, so that this has ended it. */
export function isTimedOut({ millis }: WaitEnd, lockTimeoutMillis: number): boolean {
  return lockTimeoutMillis > 0 && millis >= lockTimeoutMillis * leastShare
}

function isSameWait(one: WaitEnd, other: WaitEnd): boolean {
  return (
    identityOf(one.session) === identityOf(other.session) &&
    one.session.stateChange === other.session.stateChange &&
    one.wait.object === other.wait.object
  )
}
