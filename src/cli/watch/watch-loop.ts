import { tryElection } from '../../postgres/election.ts'
import { idlesInTransactionFor } from '../../postgres/idle-in-transaction.ts'
import {
  type ControlConnection,
  databasePart,
  type ServerSession,
  type ServerSnapshot,
  type SignalResult,
  terminateSession,
} from '../../postgres/index.ts'
import type { Pace } from '../../postgres/look/pace.ts'
import { type Sight, serverLook } from '../../postgres/look/server-look.ts'
import { type CheckReport, checkReport, type ReportOptions } from '../../postgres/report/server-report.ts'
import type { OriginOf } from '../../postgres/report/session-origin.ts'
import { type SessionReport, sessionReport } from '../../postgres/report/session-report.ts'
import { spareReason } from '../../postgres/spared.ts'
import { UsageError } from '../command.ts'
import { type Origins, withOrigin } from '../origins/patient-origins.ts'
import { type Change, changesBetween, type SeenConcerns } from './changes.ts'
import { concernsOf } from './concerns.ts'

export type WatchEvent =
  | { readonly event: 'started'; readonly target: string; readonly intervalMillis: number }
  | Change
  /** A session that was idle in a transaction for the limit was signalled to end. */
  | { readonly event: 'terminated'; readonly session: SessionReport; readonly result: SignalResult }
  /** A session was idle in a transaction for the limit, but is spared: a backup, for instance. */
  | { readonly event: 'spared'; readonly session: SessionReport; readonly reason: string }
  /** This watcher, or another one, ends idle sessions. */
  | { readonly event: 'elected' | 'standby'; readonly database: string }
  | { readonly event: 'lost'; readonly reason: string }
  | { readonly event: 'back'; readonly lostMillis: number }
  | Heartbeat

export interface Heartbeat {
  readonly event: 'heartbeat'
  readonly concerns: number
  readonly blocked: number
  readonly idleForLess: number
  readonly hiddenSessions: number
  /** The time since the connection was lost. */
  readonly lostMillis?: number
}

export interface WatchOptions extends Omit<ReportOptions, 'originOf'> {
  readonly intervalMillis: number
  /** 0: none. */
  readonly heartbeatMillis: number
  readonly terminateIdleMillis?: number
  /** The application names of sessions that are never ended, in addition to those that no policy ends. */
  readonly spare?: readonly string[]
  readonly database?: string
}

export interface WatchHost {
  connect(): Promise<ControlConnection>
  /** Called only for new concerns. */
  readonly origins: Origins
  emit(event: WatchEvent): void
  readonly pace: Pace
  /** Ends the watch. */
  readonly signal: AbortSignal
}

export const electionName = 'pg-lifeguard watch'

const nowhere: OriginOf = () => undefined
const reconnectPause = { first: 1_000, most: 30_000 }

/** The state between two looks. */
interface Memory {
  seen: SeenConcerns
  last?: ServerSnapshot
  report?: CheckReport
  /** The result of the election, valid for its connection. Absent before the first one. */
  election?: { readonly control: ControlConnection; readonly isWon: boolean }
  /** The sessions that are spared or could not be ended, so that each is reported once. */
  refused: ReadonlySet<string>
}

/**
 * Looks repeatedly and reports changes, until the signal fires. A lost connection is reported once, and retried with
 * growing pauses.
 *
 * @throws ConnectionError if the first connection fails
 */
export async function watchServer(options: WatchOptions, host: WatchHost): Promise<void> {
  const { pace, signal, emit } = host
  const memory: Memory = { seen: new Map(), refused: new Set() }
  let lastHeartbeat = pace.now()
  await using server = serverLook({
    control: await firstConnection(options, host),
    connect: host.connect,
    pace,
    pauses: reconnectPause,
    onLost: (reason) => emit({ event: 'lost', reason }),
    onBack: (lostMillis) => emit({ event: 'back', lostMillis }),
  })
  while (!signal.aborted) {
    const sight = await unlessAborted(server.look(), signal)
    if (signal.aborted) break
    if (sight !== undefined) {
      await unlessAborted(
        server.ask(() => reportChanges(sight, options, memory, host)),
        signal,
      )
    }
    if (options.heartbeatMillis > 0 && pace.now() - lastHeartbeat >= options.heartbeatMillis) {
      lastHeartbeat = pace.now()
      emit(heartbeat(memory, server.lostMillis()))
    }
    const isLost = server.lostMillis() !== undefined
    await pace.pause(isLost ? server.pauseMillis() : options.intervalMillis, signal)
  }
}

/** Resolves with undefined when the signal fires: a statement may hang on a dead network. */
function unlessAborted<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result | undefined> {
  // Not Promise.race with one shared promise, which would keep every look in memory.
  return new Promise((resolve, reject) => {
    const stop = () => resolve(undefined)
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })
}

async function firstConnection(options: WatchOptions, host: WatchHost): Promise<ControlConnection> {
  const control = await host.connect()
  if (options.terminateIdleMillis !== undefined && control.isPooled) {
    await control.close()
    throw new UsageError(
      '--terminate-idle needs a direct connection: through a pooler, watchers cannot elect the one that ends sessions',
    )
  }
  host.emit({ event: 'started', target: control.target, intervalMillis: options.intervalMillis })
  return control
}

async function reportChanges(
  { control, snapshot: whole }: Sight,
  options: WatchOptions,
  memory: Memory,
  { emit, origins }: WatchHost,
): Promise<void> {
  const { database } = options
  const snapshot = database === undefined ? whole : databasePart(whole, database)
  // A deadlock must appear in two consecutive looks.
  const looks = memory.last === undefined ? ([snapshot] as const) : ([memory.last, snapshot] as const)
  const report = checkReport(looks, [], { ...options, originOf: nowhere })
  const { changes, seen } = changesBetween(
    memory.seen,
    concernsOf(report, snapshot),
    Date.parse(snapshot.takenAt),
  )
  memory.seen = seen
  memory.last = snapshot
  memory.report = report
  const isNews = changes.some(({ event }) => event !== 'cleared')
  const originOf = isNews ? await origins(snapshot) : nowhere
  for (const change of changes) emit(change.event === 'cleared' ? change : traced(change, snapshot, originOf))
  if (options.terminateIdleMillis === undefined) return
  if (!(await isElected(control, whole.server.database, memory, emit))) return
  await endIdle(control, whole, options.terminateIdleMillis, options, memory, emit)
}

function traced<News extends Change>(change: News, { sessions }: ServerSnapshot, originOf: OriginOf): News {
  const { session } = change.concern
  if (session === undefined) return change
  const one = sessions.find(({ pid }) => pid === session.pid)
  return { ...change, concern: { ...change.concern, session: withOrigin(session, one, originOf) } }
}

/** Whether this watcher ends idle sessions: the one that holds the lock. Checked at each look: another one may stop. */
async function isElected(
  control: ControlConnection,
  database: string,
  memory: Memory,
  emit: WatchHost['emit'],
): Promise<boolean> {
  const last = memory.election?.control === control ? memory.election : undefined
  if (last?.isWon === true) return true
  if (control.isPooled) return false
  const isWon = await tryElection(control, electionName)
  if (isWon !== last?.isWon) emit({ event: isWon ? 'elected' : 'standby', database })
  memory.election = { control, isWon }
  return isWon
}

/** Ends idle sessions of the database whose lock is held; other databases have their own watcher. */
async function endIdle(
  control: ControlConnection,
  snapshot: ServerSnapshot,
  limitMillis: number,
  options: WatchOptions,
  memory: Memory,
  emit: WatchHost['emit'],
): Promise<void> {
  const refused = new Set<string>()
  for (const session of snapshot.sessions) {
    if (session.database !== snapshot.server.database) continue
    if (!idlesInTransactionFor(session, limitMillis)) continue
    const key = keyOf(session)
    const isKnown = memory.refused.has(key)
    const report = sessionReport(session, snapshot, { ...options, originOf: nowhere })
    const reason = spareReason(session, snapshot.sessions, options.spare)
    if (reason !== undefined) {
      refused.add(key)
      if (!isKnown) emit({ event: 'spared', session: report, reason })
      continue
    }
    const result = await terminateSession(control, session)
    if (result.outcome === 'denied' || result.outcome === 'signalled') refused.add(key)
    if (!refused.has(key) || !isKnown) emit({ event: 'terminated', session: report, result })
  }
  memory.refused = refused
}

function keyOf({ pid, backendStart, stateChange }: ServerSession): string {
  return `${pid} ${backendStart} ${stateChange}`
}

function heartbeat({ seen, report }: Memory, lostMillis: number | undefined): Heartbeat {
  const blocked = report?.blocking.filter(({ blockedBy }) => blockedBy.length > 0).length
  return {
    event: 'heartbeat',
    concerns: seen.size,
    blocked: blocked ?? 0,
    idleForLess: report?.idleForLess ?? 0,
    hiddenSessions: report?.hiddenSessions ?? 0,
    ...(lostMillis === undefined ? {} : { lostMillis }),
  }
}
