import { UnsupportedServerError } from '../errors.ts'
import { conflicts } from './blocking/lock-modes.ts'
import { describeWait, type NameTable, readNames } from './blocking/lock-target.ts'
import { activityQuery } from './queries/activity.ts'
import { serverQuery } from './queries/server.ts'
import { type QueryClient, queryFrozen } from './query-client.ts'
import { quoteName } from './quote.ts'
import type {
  Block,
  LockRow,
  LockWait,
  PreparedTransaction,
  ServerData,
  ServerSession,
  ServerSnapshot,
} from './server-data.ts'

interface Activity {
  readonly takenAt: string
  readonly sessions: readonly (ServerSession & { readonly queryBytes?: string })[]
  readonly waits: readonly LockRow[]
  readonly blocks: readonly { readonly blocked: number; readonly blocker: number; readonly held: string[] }[]
  readonly prepared: readonly (PreparedTransaction & {
    readonly holds: readonly { readonly blocked: number; readonly held: readonly string[] }[]
  })[]
}

/** 14 has `pg_locks.waitstart`. */
const oldestVersion = 140_000

/**
 * Reads the sessions of a server, their lock waits and their blockers. Call it outside a transaction: inside one the
 * server shows the same activity every time.
 *
 * @throws UnsupportedServerError if the server is older than PostgreSQL 14; the client's errors
 *
 * @example
 * const snapshot = await serverSnapshot(client)
 * console.log(snapshot.sessions.filter(({ state }) => state === 'idle in transaction'))
 */
export async function serverSnapshot(client: QueryClient): Promise<ServerSnapshot> {
  const server = await queryFrozen<ServerData>(client, serverQuery)
  if (server.versionNumber < oldestVersion) throw new UnsupportedServerError(server.version)
  const activity = await queryFrozen<Activity>(client, activityQuery)
  const names = await readNames(client, server, activity.waits)
  return assemble(server, activity, names)
}

function assemble(server: ServerData, activity: Activity, names: NameTable): ServerSnapshot {
  const rows = new Map(activity.waits.map((row) => [row.pid, row]))
  const waits: LockWait[] = activity.waits.map((row) => describeWait(row, server, names))
  for (const session of activity.sessions) {
    if (session.waitEvent === 'SafeSnapshot' && !rows.has(session.pid)) waits.push(safeSnapshotWait(session))
  }
  const hiddenSessions = activity.sessions.filter(({ hidden }) => hidden).length
  return Object.freeze({
    takenAt: activity.takenAt,
    server,
    sessions: Object.freeze(activity.sessions.map(withStatement)),
    waits: Object.freeze(waits.map((wait) => Object.freeze(wait))),
    blocks: Object.freeze(
      activity.blocks
        .flatMap((block) => resolveBlock(block, rows.get(block.blocked), activity.prepared))
        .map((block) => Object.freeze(block)),
    ),
    prepared: Object.freeze(activity.prepared.map(({ holds: _, ...rest }) => Object.freeze(rest))),
    hiddenSessions,
    ...(hiddenSessions === 0 ? {} : { missingGrant: `GRANT pg_read_all_stats TO ${quoteName(server.role)}` }),
  })
}

/** Adds the statement of a session of another database, which is quoted and probably in UTF-8. */
function withStatement({ queryBytes, ...session }: Activity['sessions'][number]): ServerSession {
  if (queryBytes === undefined) return Object.freeze(session)
  const quoted = Buffer.from(queryBytes, 'base64').toString()
  return Object.freeze({ ...session, query: quoted.replace(/^E?'|'$/g, '').replaceAll("''", "'") })
}

function resolveBlock(
  { blocked, blocker, held }: Activity['blocks'][number],
  wait: LockRow | undefined,
  prepared: Activity['prepared'],
): Block[] {
  if (blocker !== 0) {
    const holds = wait === undefined || held.some((mode) => conflicts(mode, wait.mode))
    return [{ blocked, blockerPid: blocker, kind: holds ? 'hard' : 'soft' }]
  }
  const holders = prepared.filter(({ holds }) =>
    holds.some((hold) => hold.blocked === blocked && conflicting(hold.held, wait)),
  )
  const gids = holders.length > 0 ? holders.map(({ gid }) => gid) : ['?']
  return gids.map((gid) => ({ blocked, blockerGid: gid, kind: 'hard' }))
}

function conflicting(held: readonly string[], wait: LockRow | undefined): boolean {
  return wait === undefined || held.some((mode) => conflicts(mode, wait.mode))
}

/** The wait of a serializable, read-only, deferrable transaction for others to end, which is not a lock. */
function safeSnapshotWait({ pid, stateMillis }: ServerSession): LockWait {
  return {
    pid,
    lockType: 'safe-snapshot',
    target: 'a safe snapshot',
    object: 'safe-snapshot',
    ...(stateMillis === undefined ? {} : { millis: stateMillis }),
  }
}
