import {
  type ControlConnection,
  cancelSession,
  type ServerSession,
  type ServerSnapshot,
  type SignalResult,
  terminateSession,
} from '../../../postgres/index.ts'
import type { QueryTextMode } from '../../../sql/redaction.ts'
import { sessionReport } from '../../report/session-report.ts'
import type { MigrateEvent, SessionDoubt } from '../events.ts'
import type { Migration } from '../migration.ts'
import { type CommandSessions, identityOf } from './command-sessions.ts'

const pauseMillis = 100
/** A session that is closed in an orderly way is gone after a moment. */
const graceMillis = 1_000
const patienceMillis = 10_000
const cancelMillis = 2_000

/**
 * After the command has ended, cancels what it left running on the server: the server does not notice that a client is gone
 * while its statement waits or runs, and would carry it out later. What still runs after that is ended, for its client is
 * gone, or does not stop.
 *
 * @param isOrderly the command ended by itself, and its sessions are given a moment to close
 */
export async function cancelLeftovers(
  isOrderly: boolean,
  { server, tell, pace, policy: { queryText } }: Pick<Migration, 'server' | 'tell' | 'pace' | 'policy'>,
  sessions: CommandSessions,
): Promise<void> {
  const start = pace.now()
  const cancelled = new Set<string>()
  for (;;) {
    const millis = pace.now() - start
    const sight = await server.look()
    if (sight === undefined) {
      if (millis > patienceMillis) return
      await pace.pause(pauseMillis)
      continue
    }
    const { control, snapshot } = sight
    const found = await sessions.find(snapshot)
    // A pooler keeps sessions open that do nothing.
    const [left, suspects] = [found.own.filter(isAtWork), found.suspects.filter(isAtWork)]
    const isLate = millis > (left.length > 0 ? patienceMillis : graceMillis)
    if (isLate || left.length + suspects.length === 0) {
      const open = left.length > 0 ? left : suspects
      const doubt = open === suspects ? (found.doubt ?? 'pooler') : undefined
      for (const one of open) tell(leftOpen(one, snapshot, queryText, doubt))
      return
    }
    const isGrace = isOrderly && millis < graceMillis
    for (const session of isGrace ? [] : left.filter(({ state }) => state === 'active')) {
      const result = await server.ask(() => endStatement(control, session, cancelled))
      if (result === undefined || result.outcome === 'gone' || result.outcome === 'changed') continue
      tell({ event: 'cancelled', pid: session.pid, why: 'left-behind', behind: 0, result })
    }
    await pace.pause(pauseMillis)
  }
}

/** Cancels it first; the second time the session is ended. */
async function endStatement(
  control: ControlConnection,
  session: ServerSession,
  cancelled: Set<string>,
): Promise<SignalResult> {
  const key = identityOf(session)
  if (cancelled.has(key)) return await terminateSession(control, session)
  cancelled.add(key)
  return await cancelSession(control, session, { waitMillis: cancelMillis })
}

function isAtWork({ state }: ServerSession): boolean {
  return state !== undefined && state !== 'idle'
}

function leftOpen(
  session: ServerSession,
  snapshot: ServerSnapshot,
  queryText: QueryTextMode,
  doubt: SessionDoubt | undefined,
): MigrateEvent {
  const report = sessionReport(session, snapshot, { queryText, originOf: () => undefined })
  return { event: 'left-open', session: report, ...(doubt && { unverified: true, doubt }) }
}
