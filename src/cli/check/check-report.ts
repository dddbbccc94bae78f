import {
  type BlockingNode,
  blockingTree,
  deadlocks,
  type SafetyNet,
  type ServerSession,
  type ServerSnapshot,
} from '../../postgres/index.ts'
import { presentQueryText, type QueryTextMode } from '../../sql/redaction.ts'
import { oneLine } from '../../text/safe-text.ts'
import { type ExitCode, exitCode } from '../exit-code.ts'
import type { OriginOf, SessionOrigin } from '../origins/session-origin.ts'

/** A session as `check` shows it. What is not known is absent. */
export interface SessionReport {
  readonly pid: number
  readonly backendType?: string
  readonly application?: string
  readonly user?: string
  readonly database?: string
  readonly client?: string
  readonly state?: string
  readonly stateMillis?: number
  readonly transactionMillis?: number
  readonly waitsFor?: { readonly mode?: string; readonly target: string; readonly millis?: number }
  readonly query?: string
  readonly origin?: SessionOrigin
  /** Its state may not be seen. */
  readonly hidden?: true
}

export interface PreparedReport {
  readonly gid: string
  readonly owner?: string
  readonly database?: string
  readonly millis?: number
}

/** One that blocks or is blocked. Either `session` or `prepared` is there. */
export interface BlockingReport {
  readonly id: string
  readonly session?: SessionReport
  readonly prepared?: PreparedReport
  readonly blockedBy: BlockingNode['blockedBy']
  readonly behind: readonly string[]
  readonly blocks: readonly string[]
  readonly roots: readonly string[]
}

/** What `check --json` prints. Durations are milliseconds. */
export interface CheckReport {
  readonly takenAt: string
  readonly server: {
    readonly version: string
    readonly database: string
    readonly role: string
    readonly address?: string
    readonly port?: number
    /** It follows another server, and only reads. */
    readonly standby?: true
  }
  readonly verdict: 'clean' | 'found' | 'not-all-visible'
  readonly roots: readonly string[]
  readonly blocking: readonly BlockingReport[]
  /** Who waits for each other, seen twice. */
  readonly deadlocks: readonly (readonly string[])[]
  readonly idleLimitMillis: number
  /** Idle in a transaction for the limit or longer, the longest first. */
  readonly idleInTransaction: readonly SessionReport[]
  /** How many more are, for less. */
  readonly idleForLess: number
  /** Prepared transactions as old as the limit, whether they block or not. */
  readonly prepared: readonly PreparedReport[]
  readonly hiddenSessions: number
  readonly missingGrant?: string
  readonly safetyNets: readonly SafetyNet[]
}

export interface ReportOptions {
  readonly minIdleMillis: number
  /** Waits that are shorter are not looked at. */
  readonly minWaitMillis: number
  readonly queryText: QueryTextMode
  readonly originOf: OriginOf
}

/** Judges what the server said. Two snapshots, if the first showed a cycle. */
export function checkReport(
  snapshots: readonly [ServerSnapshot] | readonly [ServerSnapshot, ServerSnapshot],
  safetyNets: readonly SafetyNet[],
  options: ReportOptions,
): CheckReport {
  const snapshot = snapshots[1] ?? snapshots[0]
  const tree = blockingTree(withoutShortWaits(snapshot, options.minWaitMillis))
  const describe = (session: ServerSession) => sessionReport(session, snapshot, options)
  const idle = snapshot.sessions
    .filter(({ state }) => state?.startsWith('idle in transaction') === true)
    .toSorted((a, b) => (b.stateMillis ?? 0) - (a.stateMillis ?? 0))
  const long = idle.filter(({ stateMillis = 0 }) => stateMillis >= options.minIdleMillis)
  const prepared = snapshot.prepared.filter(({ millis }) => millis >= options.minIdleMillis)
  const isFound = tree.nodes.length + long.length + prepared.length > 0
  const { version, database, role, address, port } = snapshot.server
  return {
    takenAt: snapshot.takenAt,
    server: {
      ...{ version, database, role },
      ...(address === undefined ? {} : { address }),
      ...(port === undefined ? {} : { port }),
      ...(snapshot.server.inRecovery ? { standby: true } : {}),
    },
    verdict: isFound ? 'found' : snapshot.hiddenSessions > 0 ? 'not-all-visible' : 'clean',
    roots: tree.roots,
    blocking: tree.nodes.map(({ session, prepared: one, wait: _, ...node }) => ({
      ...node,
      ...(session && { session: describe(session) }),
      ...(one && { prepared: preparedReport(one) }),
      ...(session || one ? {} : { prepared: { gid: '?' } }),
    })),
    deadlocks: snapshots[1] === undefined ? [] : deadlocks(snapshots[0], snapshots[1]),
    idleLimitMillis: options.minIdleMillis,
    idleInTransaction: long.map(describe),
    idleForLess: idle.length - long.length,
    prepared: prepared.map(preparedReport),
    hiddenSessions: snapshot.hiddenSessions,
    ...(snapshot.missingGrant === undefined ? {} : { missingGrant: snapshot.missingGrant }),
    safetyNets,
  }
}

export function exitCodeOf({ verdict }: CheckReport): ExitCode {
  if (verdict === 'found') return exitCode.found
  return verdict === 'clean' ? exitCode.clean : exitCode.notAllVisible
}

/** A session for people and programs: without what nobody may see, and with nothing that could steer a terminal. */
export function sessionReport(
  session: ServerSession,
  snapshot: ServerSnapshot,
  { queryText, originOf }: Pick<ReportOptions, 'queryText' | 'originOf'>,
): SessionReport {
  const { pid, hidden, backendType, application, user, database, state, stateMillis, transactionMillis } =
    session
  const wait = snapshot.waits.find((one) => one.pid === pid)
  const query = presentQueryText(session.query, queryText)
  const origin = originOf(session)
  return {
    pid,
    ...(backendType === undefined || backendType === 'client backend' ? {} : { backendType }),
    ...text('application', application),
    ...text('user', user),
    ...text('database', database),
    ...text('client', clientOf(session)),
    ...text('state', state),
    ...(stateMillis === undefined ? {} : { stateMillis: Math.max(0, stateMillis) }),
    ...(transactionMillis === undefined ? {} : { transactionMillis: Math.max(0, transactionMillis) }),
    ...(wait === undefined
      ? {}
      : {
          waitsFor: {
            ...(wait.mode === undefined ? {} : { mode: wait.mode }),
            target: oneLine(wait.target),
            ...(wait.millis === undefined ? {} : { millis: wait.millis }),
          },
        }),
    ...text('query', query),
    ...(origin === undefined ? {} : { origin: { ...origin, text: oneLine(origin.text) } }),
    ...(hidden ? { hidden } : {}),
  }
}

export function preparedReport({ gid, owner, database, millis }: PreparedReport): PreparedReport {
  return {
    gid: oneLine(gid),
    ...text('owner', owner),
    ...text('database', database),
    ...(millis === undefined ? {} : { millis }),
  }
}

function clientOf({ clientAddress, clientPort }: ServerSession): string | undefined {
  if (clientAddress === undefined || clientPort === undefined) return clientAddress
  return clientAddress.includes(':') ? `[${clientAddress}]:${clientPort}` : `${clientAddress}:${clientPort}`
}

function text<Name extends string>(name: Name, value: string | undefined): { [Key in Name]?: string } {
  return (value === undefined ? {} : { [name]: oneLine(value) }) as { [Key in Name]?: string }
}

function withoutShortWaits(snapshot: ServerSnapshot, minWaitMillis: number): ServerSnapshot {
  if (minWaitMillis === 0) return snapshot
  const long = new Set(
    snapshot.waits.filter(({ millis = 0 }) => millis >= minWaitMillis).map(({ pid }) => pid),
  )
  return { ...snapshot, blocks: snapshot.blocks.filter(({ blocked }) => long.has(blocked)) }
}
