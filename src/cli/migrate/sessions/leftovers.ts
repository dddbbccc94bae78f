import {
  type ControlConnection,
  cancelSession,
  type ServerSession,
  type ServerSnapshot,
  type SignalResult,
  terminateSession,
} from '../../../postgres/index.ts'
import { sessionReport } from '../../../postgres/report/session-report.ts'
import type { QueryTextMode } from '../../../sql/redaction.ts'
import type { MigrateEvent, SessionDoubt } from '../events.ts'
import type { Migration } from '../migration.ts'
import { type CommandSessions, identityOf } from './command-sessions.ts'

const pauseMillis = 100
/** The time that a cleanly closed session has to end. */
const graceMillis = 1_000
const patienceMillis = 10_000
const cancelMillis = 2_000

/**
 * Cancels statements that the ended command left running on the server, which does not notice a lost client while a
 * statement waits or runs, and would complete it later. Sessions that still run one after that are ended.
 *
 * @param isOrderly true if the command ended by itself, so that its sessions have a moment to close
 */
export async function cancelLeftovers(
  isOrderly: boolean,
  { server, emit, pace, policy: { queryText } }: Pick<Migration, 'server' | 'emit' | 'pace' | 'policy'>,
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
    // Idle sessions may be kept open by a pooler.
    const [left, suspects] = [found.own.filter(isAtWork), found.suspects.filter(isAtWork)]
    const isLate = millis > (left.length > 0 ? patienceMillis : graceMillis)
    if (isLate || left.length + suspects.length === 0) {
      const open = left.length > 0 ? left : suspects
      const doubt = open === suspects ? (found.doubt ?? 'pooler') : undefined
      for (const one of open) emit(leftOpen(one, snapshot, queryText, doubt))
      return
    }
    const isGrace = isOrderly && millis < graceMillis
    for (const session of isGrace ? [] : left.filter(({ state }) => state === 'active')) {
      const result = await server.ask(() => endStatement(control, session, cancelled))
      if (result === undefined || result.outcome === 'gone' || result.outcome === 'changed') continue
      emit({ event: 'cancelled', pid: session.pid, why: 'left-behind', behind: 0, result })
    }
    await pace.pause(pauseMillis)
  }
}

/** Cancels the statement; the second time, ends the session. */
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
