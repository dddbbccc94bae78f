import { type AdvisoryLock, advisoryLocks, migrationToolOf } from '../../postgres/advisory-locks.ts'
import { electionKey } from '../../postgres/election.ts'
import type { QueryClient, ServerSession, ServerSnapshot } from '../../postgres/index.ts'
import { dropStatement, invalidIndexes } from '../../postgres/invalid-indexes.ts'
import {
  type SessionReport,
  type SessionReportOptions,
  sessionReport,
} from '../../postgres/report/session-report.ts'
import { type SlotLimits, slotLimits } from '../../postgres/slots.ts'
import { oneLine } from '../../text/safe-text.ts'
import { groupsBy, withoutProcess } from '../report/alike.ts'

/** Facts that matter even if nothing waits. Those that a locked catalog hides are absent. */
export interface Survey {
  /** Idle sessions that hold advisory locks: the next attempt to take one waits or fails. */
  readonly advisoryLocks?: readonly LockHolderReport[]
  /** The invalid indexes of the connected database. */
  readonly invalidIndexes?: readonly {
    readonly name: string
    readonly table: string
    readonly drop: string
  }[]
  readonly slots?: SlotsReport
  /** The sessions of the database given by `--database`. */
  readonly connected?: readonly ApplicationReport[]
}

export interface LockHolderReport {
  readonly session: SessionReport
  readonly locks: readonly { readonly key: string; readonly tool?: string }[]
}

export interface SlotsReport extends SlotLimits {
  readonly used: number
  /** The number of sessions in the connected database. */
  readonly usedByDatabase: number
  readonly byApplication: readonly ApplicationReport[]
}

/** The sessions of one application, role and database. */
export interface ApplicationReport {
  readonly application?: string
  readonly user?: string
  readonly database?: string
  readonly count: number
  /**
   * The number of sessions by state: `idle`, `active`, `idle in transaction`, ...; `hidden` if the role may not see it.
   */
  readonly states: Readonly<Record<string, number>>
  readonly pids: readonly number[]
}

/** The share of slots in use from which they are shown. */
const tightShare = 0.8

/** Queries the facts that a snapshot does not contain. */
export async function survey(
  client: QueryClient,
  { all, part }: { readonly all: ServerSnapshot; readonly part: ServerSnapshot },
  database: string | undefined,
  options: SessionReportOptions,
): Promise<Survey> {
  const locks = await unlessTimeout(advisoryLocks(client))
  const indexes = await unlessTimeout(invalidIndexes(client))
  const limits = await unlessTimeout(slotLimits(client))
  const taken = all.sessions.filter(takesSlot)
  return {
    ...(locks && { advisoryLocks: idleHolders(locks, part, options) }),
    ...(indexes && {
      invalidIndexes: indexes.map((index) => ({
        name: oneLine(`${index.schema}.${index.name}`),
        table: oneLine(index.table),
        drop: dropStatement(index),
      })),
    }),
    ...(limits && {
      slots: slotsOf(taken, limits, all.server.database),
    }),
    ...(database === undefined
      ? {}
      : { connected: byApplication(taken.filter((session) => session.database === database)) }),
  }
}

/** Whether few of the server's slots are free. */
export function isServerTight({ max, reserved, used }: SlotsReport): boolean {
  return used >= tightShare * (max - reserved)
}

/** Whether few slots within the database's own limit are free. */
export function isDatabaseTight({ usedByDatabase, databaseLimit }: SlotsReport): boolean {
  return databaseLimit !== undefined && usedByDatabase >= tightShare * databaseLimit
}

/** The slots in use. The calling session is not in the snapshot. */
function slotsOf(taken: readonly ServerSession[], limits: SlotLimits, database: string): SlotsReport {
  return {
    ...limits,
    used: taken.length + 1,
    usedByDatabase: taken.filter((session) => session.database === database).length + 1,
    byApplication: byApplication(taken),
  }
}

/** The idle holders, without those in a transaction or blocking, which are shown elsewhere, and without watchers. */
function idleHolders(
  locks: readonly AdvisoryLock[],
  snapshot: ServerSnapshot,
  options: SessionReportOptions,
): LockHolderReport[] {
  const blocking = new Set(snapshot.blocks.map(({ blockerPid }) => blockerPid))
  const watchersKey = electionKey('pg-lifeguard watch')
  return snapshot.sessions
    .filter(({ pid, state }) => state === 'idle' && !blocking.has(pid))
    .toSorted((a, b) => (b.stateMillis ?? 0) - (a.stateMillis ?? 0))
    .flatMap((session) => {
      const held = locks.filter(({ pid, key }) => pid === session.pid && key !== watchersKey)
      if (held.length === 0) return []
      const named = held.map((lock) => {
        const tool = migrationToolOf(lock)
        return { key: lock.key, ...(tool === undefined ? {} : { tool }) }
      })
      return [{ session: sessionReport(session, snapshot, options), locks: named }]
    })
}

function takesSlot({ backendType, hidden }: ServerSession): boolean {
  return hidden || backendType === 'client backend'
}

function byApplication(sessions: readonly ServerSession[]): ApplicationReport[] {
  const nameOf = ({ application }: ServerSession) => withoutProcess(application ?? '')
  const groups = groupsBy(sessions, (one) => JSON.stringify([nameOf(one), one.user, one.database]))
  return groups
    .flatMap((group): ApplicationReport[] => {
      const [first] = group
      if (first === undefined) return []
      const { user, database } = first
      const states = groupsBy(group, stateOf).map((some) => [some[0] ? stateOf(some[0]) : '', some.length])
      return [
        {
          ...(nameOf(first) === '' ? {} : { application: oneLine(nameOf(first)) }),
          ...(user === undefined ? {} : { user: oneLine(user) }),
          ...(database === undefined ? {} : { database: oneLine(database) }),
          count: group.length,
          states: Object.fromEntries(states),
          pids: group.map(({ pid }) => pid),
        },
      ]
    })
    .toSorted((a, b) => b.count - a.count)
}

function stateOf({ hidden, state }: ServerSession): string {
  return hidden ? 'hidden' : (state ?? 'unknown')
}

/** Returns undefined for 55P03 and 57014: a locked catalog must not hide the blocking tree. */
async function unlessTimeout<Result>(work: Promise<Result>): Promise<Result | undefined> {
  try {
    return await work
  } catch (error) {
    const isTimeout =
      error instanceof Error && 'code' in error && (error.code === '55P03' || error.code === '57014')
    if (isTimeout) return undefined
    throw error
  }
}
