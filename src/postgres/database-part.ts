import type { ServerSnapshot } from './server-data.ts'

/**
 * The part of a snapshot that concerns one database: its sessions and prepared transactions, and those of other
 * databases that block them or are blocked by them.
 *
 * @example
 * const shop = databasePart(await serverSnapshot(client), 'shop')
 */
export function databasePart(snapshot: ServerSnapshot, database: string): ServerSnapshot {
  const idOf = (pid: number | undefined, gid: string | undefined) =>
    pid === undefined ? `gid ${gid}` : `pid ${pid}`
  const linked = new Map<string, string[]>()
  for (const { blocked, blockerPid, blockerGid } of snapshot.blocks) {
    const ends = [idOf(blocked, undefined), idOf(blockerPid, blockerGid)] as const
    for (const [from, to] of [ends, [ends[1], ends[0]]] as const)
      linked.set(from, [...(linked.get(from) ?? []), to])
  }
  const own = [
    ...snapshot.sessions
      .filter((session) => session.database === database)
      .map(({ pid }) => idOf(pid, undefined)),
    ...snapshot.prepared.filter((one) => one.database === database).map(({ gid }) => idOf(undefined, gid)),
  ]
  const part = new Set(own)
  for (const id of part) for (const next of linked.get(id) ?? []) part.add(next)

  const sessions = snapshot.sessions.filter(({ pid }) => part.has(idOf(pid, undefined)))
  const { missingGrant, ...rest } = snapshot
  const hiddenSessions = sessions.filter(({ hidden }) => hidden).length
  return Object.freeze({
    ...rest,
    sessions: Object.freeze(sessions),
    waits: Object.freeze(snapshot.waits.filter(({ pid }) => part.has(idOf(pid, undefined)))),
    blocks: Object.freeze(snapshot.blocks.filter(({ blocked }) => part.has(idOf(blocked, undefined)))),
    prepared: Object.freeze(snapshot.prepared.filter(({ gid }) => part.has(idOf(undefined, gid)))),
    hiddenSessions,
    ...(hiddenSessions === 0 || missingGrant === undefined ? {} : { missingGrant }),
  })
}
