import { idlesInTransactionFor, isIdleInTransaction } from '../idle-in-transaction.ts'
import {
  type BlockingNode,
  blockingTree,
  deadlocks,
  type SafetyNet,
  type ServerSession,
  type ServerSnapshot,
} from '../index.ts'
import {
  type PreparedReport,
  preparedReport,
  type SessionReport,
  type SessionReportOptions,
  sessionReport,
} from './session-report.ts'

/** A node that blocks or is blocked. Either `session` or `prepared` is set. */
export interface BlockingReport {
  readonly id: string
  readonly session?: SessionReport
  readonly prepared?: PreparedReport
  readonly blockedBy: BlockingNode['blockedBy']
  readonly behind: readonly string[]
  readonly blocks: readonly string[]
  readonly roots: readonly string[]
}

/** The part of `check --json` about one snapshot. Durations are milliseconds. */
export interface CheckReport {
  readonly takenAt: string
  readonly server: {
    readonly version: string
    readonly database: string
    readonly role: string
    readonly address?: string
    readonly port?: number
    /** Set if the server is a standby, which is read-only. */
    readonly standby?: true
  }
  readonly verdict: 'clean' | 'found' | 'not-all-visible'
  readonly roots: readonly string[]
  readonly blocking: readonly BlockingReport[]
  /** Groups of sessions that wait for each other in two looks. */
  readonly deadlocks: readonly (readonly string[])[]
  readonly idleLimitMillis: number
  /** The sessions idle in a transaction for the limit or longer, the longest first. */
  readonly idleInTransaction: readonly SessionReport[]
  /** The number of sessions idle in a transaction for less than the limit. */
  readonly idleForLess: number
  /** The prepared transactions older than the limit, blocking or not. */
  readonly prepared: readonly PreparedReport[]
  readonly hiddenSessions: number
  readonly missingGrant?: string
  readonly safetyNets: readonly SafetyNet[]
}

export interface ReportOptions extends SessionReportOptions {
  readonly minIdleMillis: number
  /** Shorter waits are ignored. */
  readonly minWaitMillis: number
}

/** Builds the report from one snapshot, or from two if the first showed a cycle. */
export function checkReport(
  snapshots: readonly [ServerSnapshot] | readonly [ServerSnapshot, ServerSnapshot],
  safetyNets: readonly SafetyNet[],
  options: ReportOptions,
): CheckReport {
  const snapshot = snapshots[1] ?? snapshots[0]
  const tree = blockingTree(withoutShortWaits(snapshot, options.minWaitMillis))
  const describe = (session: ServerSession) => sessionReport(session, snapshot, options)
  const idle = snapshot.sessions
    .filter(isIdleInTransaction)
    .toSorted((a, b) => (b.stateMillis ?? 0) - (a.stateMillis ?? 0))
  const long = idle.filter((session) => idlesInTransactionFor(session, options.minIdleMillis))
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

function withoutShortWaits(snapshot: ServerSnapshot, minWaitMillis: number): ServerSnapshot {
  if (minWaitMillis === 0) return snapshot
  const long = new Set(
    snapshot.waits.filter(({ millis = 0 }) => millis >= minWaitMillis).map(({ pid }) => pid),
  )
  return { ...snapshot, blocks: snapshot.blocks.filter(({ blocked }) => long.has(blocked)) }
}
