import type { LockWait, ServerSession, ServerSnapshot } from '../../../postgres/index.ts'
import { identityOf } from './command-sessions.ts'

/** A finished lock wait. */
export interface WaitEnd {
  /**
   * - `granted`: it got the lock, and was seen to continue
   * - `passed`: its blockers ended in time, and so did its transaction: it got the lock, or was the victim of a deadlock
   * - `refused`: it did not get the lock: its statement was cancelled, by the lock timeout, by pg-lifeguard or otherwise
   * - `deadlock`: the server ended its statement, because it and its blockers waited for each other
   * - `unknown`: it waited as long as the lock timeout, and its blockers ended at about the same time
   */
  readonly verdict: 'granted' | 'passed' | 'refused' | 'deadlock' | 'unknown'
  readonly session: ServerSession
  readonly wait: LockWait
  /** The time that it was seen waiting. */
  readonly millis: number
  /** True if pg-lifeguard has cancelled its statement. */
  readonly isCancelled: boolean
}

interface OpenWait {
  readonly session: ServerSession
  readonly wait: LockWait
  /** Its blockers, each with a mark that changes when they release their locks. */
  readonly blockers: ReadonlyMap<string, string>
  readonly since: number
  /** The time at which it was last seen, or first found to be over. */
  readonly until: number
}

export interface LockWaits {
  /**
   * Records a look at the command's sessions.
   *
   * @returns the ends of the waits that the previous look found to be over
   */
  look(snapshot: ServerSnapshot, own: readonly ServerSession[]): readonly WaitEnd[]
  /** True if the last look found waits to be over: one more look shows how they ended. */
  readonly wantsAnotherLook: boolean
  /** Records that the statement of a session was cancelled: its wait ends without the lock. */
  noteCancelled(session: ServerSession): void
}

/**
 * Follows the lock waits of sessions from look to look. The server does not report how a wait ended, but it can be
 * inferred: while the blockers are in the same transaction, nothing behind them got the lock. That takes another look
 * after the wait, because the server does not read sessions and locks at the same instant.
 */
export function lockWaits(lockTimeoutMillis: number): LockWaits {
  let open: ReadonlyMap<string, OpenWait> = new Map()
  let over: ReadonlyMap<string, OpenWait> = new Map()
  const cancelled = new Set<string>()
  return {
    get wantsAnotherLook() {
      return over.size > 0
    },
    noteCancelled: (session) => void cancelled.add(statementOf(session)),
    look(snapshot, own) {
      const at = Date.parse(snapshot.takenAt)
      const now = new Map<string, OpenWait>()
      for (const session of own) {
        const wait = snapshot.waits.find(({ pid }) => pid === session.pid)
        if (wait === undefined) continue
        const key = `${statementOf(session)} ${wait.object}`
        const before = open.get(key) ?? over.get(key)
        const since = before?.since ?? at - (wait.millis ?? 0)
        const seen = blockersOf(session.pid, snapshot)
        // A wait that is just ending can still be seen after its blockers are gone.
        const blockers = seen.size === 0 && before !== undefined ? before.blockers : seen
        now.set(key, { session, wait, blockers, since, until: at })
      }
      const isOver = ([key]: readonly [string, OpenWait]) => !now.has(key)
      const ends = [...over].filter(isOver).map(([, { until, ...one }]): WaitEnd => {
        const { session, wait, since } = one
        const isCancelled = cancelled.delete(statementOf(session))
        const millis = Math.max(0, until - since)
        const verdict = isCancelled ? 'refused' : verdictOn(one, snapshot, millis, lockTimeoutMillis)
        return { verdict, session, wait, millis, isCancelled }
      })
      over = new Map([...open].filter(isOver).map(([key, one]) => [key, { ...one, until: at }]))
      open = now
      return ends
    },
  }
}

/** The verdict on a wait, by the look after it. */
function verdictOn(
  { session, blockers }: Omit<OpenWait, 'until'>,
  snapshot: ServerSnapshot,
  millis: number,
  lockTimeoutMillis: number,
): Exclude<WaitEnd['verdict'], 'deadlock'> {
  const now = snapshot.sessions.find((one) => identityOf(one) === identityOf(session))
  // The statement is still running, which it would not after a refusal.
  if (now?.state === 'active' && now.stateChange === session.stateChange) return 'granted'
  const marks = marksOf(snapshot)
  for (const [id, mark] of blockers) if (marks.get(id) === mark) return 'refused'
  if (lockTimeoutMillis > 0 && millis >= lockTimeoutMillis) return 'unknown'
  // A failed transaction has no start.
  const isSameTransaction =
    now?.transactionStart !== undefined && now.transactionStart === session.transactionStart
  return isSameTransaction ? 'granted' : 'passed'
}

function blockersOf(pid: number, snapshot: ServerSnapshot): ReadonlyMap<string, string> {
  const marks = marksOf(snapshot)
  const ids = snapshot.blocks
    .filter(({ blocked }) => blocked === pid)
    .map(({ blockerPid, blockerGid }) => blockerPid ?? blockerGid ?? '?')
  return new Map(ids.flatMap((id) => [[String(id), marks.get(String(id))] as const]).filter(hasMark))
}

function hasMark(entry: readonly [string, string | undefined]): entry is readonly [string, string] {
  return entry[1] !== undefined
}

/** A mark for each session and prepared transaction that changes when it releases its locks. */
function marksOf({ sessions, prepared }: ServerSnapshot): ReadonlyMap<string, string> {
  return new Map([
    // A failed transaction has no start. A session without a transaction may hold an advisory lock until its next
    // statement.
    ...sessions.map(
      (session) =>
        [
          String(session.pid),
          `${session.backendStart} ${session.transactionStart ?? session.stateChange}`,
        ] as const,
    ),
    ...prepared.map(({ gid, preparedAt }) => [gid, preparedAt] as const),
  ])
}

/** A key that changes with the session's statement. */
export function statementOf(session: ServerSession): string {
  return `${identityOf(session)} ${session.stateChange}`
}
