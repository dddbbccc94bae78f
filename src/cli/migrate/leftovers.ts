import {
  cancelSession,
  type ServerSession,
  type ServerSnapshot,
  terminateSession,
} from '../../postgres/index.ts'
import type { QueryTextMode } from '../../sql/redaction.ts'
import type { Pace } from '../pace.ts'
import { sessionReport } from '../report/session-report.ts'
import type { MigrateEvent, Tell } from './migrate-event.ts'
import { identityOf, type OwnSessions } from './own-sessions.ts'
import type { ServerView } from './server-view.ts'

export interface LeftoversHost {
  readonly view: ServerView
  readonly own: OwnSessions
  readonly tell: Tell
  readonly pace: Pace
  readonly queryText: QueryTextMode
}

const pauseMillis = 100
/** A session that is closed in an orderly way is gone after a moment. */
const graceMillis = 1_000
const patienceMillis = 10_000

/**
 * After the command has ended, cancels what it left running on the server: the server does not notice that a client is gone
 * while a statement waits or runs, and would carry it out later. What still runs after that is ended, for it has no client
 * any more, or one that does not stop.
 *
 * @param isOrderly the command ended by itself, and its sessions are given a moment to close
 */
export async function cancelLeftovers(isOrderly: boolean, host: LeftoversHost): Promise<void> {
  const { view, own, tell, pace } = host
  const start = pace.now()
  const cancelled = new Set<string>()
  for (;;) {
    const seen = await view.look()
    if (seen === undefined) {
      if (pace.now() - start > patienceMillis) return
      await pace.pause(pauseMillis)
      continue
    }
    const { control, snapshot } = seen
    const found = await own.find(snapshot)
    // A pooler keeps sessions open that do nothing.
    const [left, suspects] = [found.own.filter(isAtWork), found.suspects.filter(isAtWork)]
    const isLate = pace.now() - start > (left.length > 0 ? patienceMillis : graceMillis)
    if (left.length === 0 && (suspects.length === 0 || isLate)) {
      for (const one of suspects) tell(leftOpen(one, snapshot, host.queryText, true))
      return
    }
    if (isLate) {
      for (const one of left) tell(leftOpen(one, snapshot, host.queryText, false))
      return
    }
    const isGrace = isOrderly && pace.now() - start < graceMillis
    for (const session of isGrace ? [] : left.filter(({ state }) => state === 'active')) {
      await view.ask(() => endStatement(session))
    }
    await pace.pause(pauseMillis)

    async function endStatement(session: ServerSession): Promise<void> {
      const key = identityOf(session)
      const isAgain = cancelled.has(key)
      cancelled.add(key)
      const result = isAgain
        ? await terminateSession(control, session)
        : await cancelSession(control, session, { waitMillis: 2_000 })
      if (result.outcome === 'gone' || result.outcome === 'changed') return
      tell({ event: 'cancelled', pid: session.pid, why: 'left-behind', behind: 0, result })
    }
  }
}

function isAtWork({ state }: ServerSession): boolean {
  return state !== undefined && state !== 'idle'
}

function leftOpen(
  session: ServerSession,
  snapshot: ServerSnapshot,
  queryText: QueryTextMode,
  isSuspect: boolean,
): MigrateEvent {
  const report = sessionReport(session, snapshot, { queryText, originOf: () => undefined })
  return { event: 'left-open', session: report, ...(isSuspect ? { unverified: true } : {}) }
}
