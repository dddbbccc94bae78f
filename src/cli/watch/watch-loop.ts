import { tryElection } from '../../postgres/election.ts'
import {
  ConnectionError,
  type ControlConnection,
  databasePart,
  type ServerSession,
  type ServerSnapshot,
  type SignalResult,
  serverSnapshot,
  terminateSession,
} from '../../postgres/index.ts'
import { type CheckReport, checkReport, type ReportOptions } from '../check/report.ts'
import { UsageError } from '../command.ts'
import { type Origins, withOrigin } from '../origins/patient-origins.ts'
import type { OriginOf } from '../origins/session-origin.ts'
import { growingPause, type Pace } from '../pace.ts'
import { type SessionReport, sessionReport } from '../report/session-report.ts'
import { type Change, changesBetween, type SeenConcerns } from './changes.ts'
import { concernsOf } from './concerns.ts'

export type WatchEvent =
  | { readonly event: 'started'; readonly target: string; readonly intervalMillis: number }
  | Change
  /** A session that idled in its transaction for the limit was told to end. */
  | { readonly event: 'terminated'; readonly session: SessionReport; readonly result: SignalResult }
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
  readonly database?: string
}

export interface WatchHost {
  connect(): Promise<ControlConnection>
  /** Asked for what is new only. */
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
  /** Absent: not asked yet, on this connection. */
  elected?: boolean
  /** Sessions that could not be ended, so that it is said once. */
  refused: ReadonlySet<string>
}

/**
 * Looks again and again and tells what has changed, until the signal fires. A server that is lost is told once, and
 * awaited.
 *
 * @throws ConnectionError if the very first connection fails
 */
export async function watchServer(options: WatchOptions, host: WatchHost): Promise<void> {
  const { pace, signal, tell } = host
  const memory: Memory = { seen: new Map(), refused: new Set() }
  let control: ControlConnection | undefined
  let outage: { readonly sinceMillis: number; attempts: number } | undefined
  let lastHeartbeat = pace.now()
  try {
    control = await first(options, host)
    while (!signal.aborted) {
      try {
        control ??= await host.connect()
        const snapshot = await unlessAborted(serverSnapshot(control), signal)
        if (snapshot === undefined) break
        if (outage !== undefined) tell({ event: 'back', lostMillis: pace.now() - outage.sinceMillis })
        outage = undefined
        await unlessAborted(judge(control, snapshot, options, memory, host), signal)
      } catch (error) {
        if (!isPassing(error)) throw error
        if (error instanceof ConnectionError) {
          await control?.close()
          control = undefined
          delete memory.elected
        }
        if (outage === undefined) tell({ event: 'lost', reason: error.message })
        outage ??= { sinceMillis: pace.now(), attempts: 0 }
      }
      if (options.heartbeatMillis > 0 && pace.now() - lastHeartbeat >= options.heartbeatMillis) {
        lastHeartbeat = pace.now()
        tell(heartbeat(memory, outage && pace.now() - outage.sinceMillis))
      }
      const millis =
        outage === undefined
          ? options.intervalMillis
          : growingPause(outage.attempts++, reconnectPause, pace.random())
      await pace.pause(millis, signal)
    }
  } finally {
    await control?.close()
  }
}

/** A statement may hang on a dead network; whoever wants to end does not wait for it. */
function unlessAborted<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result | undefined> {
  // Not Promise.race with one promise for all: that would keep every look until the end.
  return new Promise((resolve, reject) => {
    const stop = () => resolve(undefined)
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })
}

async function first(options: WatchOptions, host: WatchHost): Promise<ControlConnection> {
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

async function judge(
  control: ControlConnection,
  whole: ServerSnapshot,
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

/** One acts, however many watch: whoever holds the lock. It is asked for again at each look, for the other may die. */
async function isElected(
  control: ControlConnection,
  database: string,
  memory: Memory,
  tell: WatchHost['tell'],
): Promise<boolean> {
  if (memory.elected === true) return true
  if (control.isPooled) return false
  const elected = await tryElection(control, electionName)
  if (elected !== memory.elected) tell({ event: elected ? 'elected' : 'standby', database })
  memory.elected = elected
  return elected
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
    const { state, stateMillis = 0, database } = session
    if (database !== snapshot.server.database || state?.startsWith('idle in transaction') !== true) continue
    if (stateMillis < limitMillis) continue
    const result = await terminateSession(control, session)
    const key = keyOf(session)
    if (result.outcome === 'denied' || result.outcome === 'signalled') refused.add(key)
    if (refused.has(key) && memory.refused.has(key)) continue
    tell({
      event: 'terminated',
      session: sessionReport(session, snapshot, { ...options, originOf: nowhere }),
      result,
    })
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

/** A connection that is gone, or a statement that the server refused: a lock on a catalog, a shutdown, a timeout. */
function isPassing(error: unknown): error is Error {
  return error instanceof ConnectionError || (error instanceof Error && 'severity' in error)
}
