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
import { spareReason } from '../../postgres/spared.ts'
import { type CheckReport, checkReport, type ReportOptions } from '../check/report.ts'
import { UsageError } from '../command.ts'
import { type Origins, withOrigin } from '../origins/patient-origins.ts'
import type { OriginOf } from '../origins/session-origin.ts'
import type { Pace } from '../pace.ts'
import { type SessionReport, sessionReport } from '../report/session-report.ts'
import { type Sight, serverLook } from '../server-look.ts'
import { type Change, changesBetween, type SeenConcerns } from './changes.ts'
import { concernsOf } from './concerns.ts'

export type WatchEvent =
  | { readonly event: 'started'; readonly target: string; readonly intervalMillis: number }
  | Change
  /** A session that idled in its transaction for the limit was told to end. */
  | { readonly event: 'terminated'; readonly session: SessionReport; readonly result: SignalResult }
  /** A session that idled in its transaction for the limit is never ended: a backup, for instance. */
  | { readonly event: 'spared'; readonly session: SessionReport; readonly reason: string }
  /** Of several that may act, this one does; or another does. */
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
  /** How long the server has not been seen. */
  readonly lostMillis?: number
}

export interface WatchOptions extends Omit<ReportOptions, 'originOf'> {
  readonly intervalMillis: number
  /** 0: none. */
  readonly heartbeatMillis: number
  readonly terminateIdleMillis?: number
  /** Application names of sessions that are never ended, beside those that no policy ends. */
  readonly spare?: readonly string[]
  readonly database?: string
}

export interface WatchHost {
  connect(): Promise<ControlConnection>
  /** Asked only about what is new. */
  readonly origins: Origins
  tell(event: WatchEvent): void
  readonly pace: Pace
  /** Ends the watch. */
  readonly signal: AbortSignal
}

export const electionName = 'pg-lifeguard watch'

const nowhere: OriginOf = () => undefined
const reconnectPause = { first: 1_000, most: 30_000 }

/** All that is kept from one look to the next. */
interface Memory {
  seen: SeenConcerns
  last?: ServerSnapshot
  report?: CheckReport
  /** An election counts for the connection that it was held on. Absent: not asked yet. */
  election?: { readonly control: ControlConnection; readonly isWon: boolean }
  /** Sessions that are spared or could not be ended, so that each is reported once. */
  refused: ReadonlySet<string>
}

/**
 * Looks again and again and reports what has changed, until the signal fires. A lost server is reported once, and looked
 * for with growing pauses.
 *
 * @throws ConnectionError if the very first connection fails
 */
export async function watchServer(options: WatchOptions, host: WatchHost): Promise<void> {
  const { pace, signal, tell } = host
  const memory: Memory = { seen: new Map(), refused: new Set() }
  let lastHeartbeat = pace.now()
  await using server = serverLook({
    control: await firstConnection(options, host),
    connect: host.connect,
    pace,
    pauses: reconnectPause,
    onLost: (reason) => tell({ event: 'lost', reason }),
    onBack: (lostMillis) => tell({ event: 'back', lostMillis }),
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
      tell(heartbeat(memory, server.lostMillis()))
    }
    const isLost = server.lostMillis() !== undefined
    await pace.pause(isLost ? server.pauseMillis() : options.intervalMillis, signal)
  }
}

/** A statement may hang on a dead network: the end does not wait for it. */
function unlessAborted<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result | undefined> {
  // Not Promise.race with one promise for all: that would keep every look until the end.
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
      '--terminate-idle needs the server itself: through a pooler nobody can be elected to act',
    )
  }
  host.tell({ event: 'started', target: control.target, intervalMillis: options.intervalMillis })
  return control
}

async function reportChanges(
  { control, snapshot: whole }: Sight,
  options: WatchOptions,
  memory: Memory,
  { tell, origins }: WatchHost,
): Promise<void> {
  const { database } = options
  const snapshot = database === undefined ? whole : databasePart(whole, database)
  // Two looks in a row tell a deadlock from chance.
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
  for (const change of changes) tell(change.event === 'cleared' ? change : traced(change, snapshot, originOf))
  if (options.terminateIdleMillis === undefined) return
  if (!(await isElected(control, whole.server.database, memory, tell))) return
  await endIdle(control, whole, options.terminateIdleMillis, options, memory, tell)
}

function traced<News extends Change>(change: News, { sessions }: ServerSnapshot, originOf: OriginOf): News {
  const { session } = change.concern
  if (session === undefined) return change
  const one = sessions.find(({ pid }) => pid === session.pid)
  return { ...change, concern: { ...change.concern, session: withOrigin(session, one, originOf) } }
}

/** One watcher acts, however many there are: the one that holds the lock. Each look asks again, for the other may die. */
async function isElected(
  control: ControlConnection,
  database: string,
  memory: Memory,
  tell: WatchHost['tell'],
): Promise<boolean> {
  const last = memory.election?.control === control ? memory.election : undefined
  if (last?.isWon === true) return true
  if (control.isPooled) return false
  const isWon = await tryElection(control, electionName)
  if (isWon !== last?.isWon) tell({ event: isWon ? 'elected' : 'standby', database })
  memory.election = { control, isWon }
  return isWon
}

/** Only sessions of the database whose lock is held: those of others have a watcher of their own. */
async function endIdle(
  control: ControlConnection,
  snapshot: ServerSnapshot,
  limitMillis: number,
  options: WatchOptions,
  memory: Memory,
  tell: WatchHost['tell'],
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
      if (!isKnown) tell({ event: 'spared', session: report, reason })
      continue
    }
    const result = await terminateSession(control, session)
    if (result.outcome === 'denied' || result.outcome === 'signalled') refused.add(key)
    if (!refused.has(key) || !isKnown) tell({ event: 'terminated', session: report, result })
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
