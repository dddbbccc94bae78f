import type { ServerSnapshot } from '../../postgres/index.ts'
import { sessionId } from '../../postgres/index.ts'
import type { CheckReport } from '../../postgres/report/server-report.ts'
import type { PreparedReport, SessionReport } from '../../postgres/report/session-report.ts'

/** A problem in one look: a blocker, an idle transaction, a prepared transaction or a deadlock. */
export interface Concern {
  /** A key that stays the same while it is the same session or prepared transaction. */
  readonly key: string
  /** `pid 4711`, `gid 'transfer'`, or the members of a deadlock. */
  readonly id: string
  readonly kind: 'blocks' | 'idle-in-transaction' | 'prepared' | 'deadlock'
  /** For `blocks`, the longest wait behind it; otherwise the time since it began. */
  readonly millis: number
  /** The number of sessions that wait for it, directly or not. */
  readonly blocked: number
  readonly session?: SessionReport
  readonly prepared?: PreparedReport
}

/** The concerns in a report, by key. */
export function concernsOf(report: CheckReport, snapshot: ServerSnapshot): ReadonlyMap<string, Concern> {
  const starts = new Map(snapshot.sessions.map(({ pid, backendStart }) => [pid, backendStart ?? '']))
  const keyOf = (id: string, session: SessionReport | undefined) =>
    session === undefined ? id : `${id} ${starts.get(session.pid) ?? ''}`
  const concerns = new Map<string, Concern>()
  const add = (concern: Concern) => void (concerns.has(concern.key) || concerns.set(concern.key, concern))

  for (const root of report.roots) {
    const { session, prepared } = report.blocking.find((node) => node.id === root) ?? {}
    const behind = report.blocking.filter((node) => node.id !== root && node.roots.includes(root))
    // The root contains the raw gid, which could control a terminal.
    const id = prepared === undefined ? root : preparedId(prepared)
    add({
      key: keyOf(id, session),
      ...{ id, kind: 'blocks', blocked: behind.length },
      millis: Math.max(0, ...behind.map((node) => node.session?.waitsFor?.millis ?? 0)),
      ...(session && { session }),
      ...(prepared && { prepared }),
    })
  }
  for (const session of report.idleInTransaction) {
    const id = sessionId(session.pid)
    const millis = session.stateMillis ?? 0
    add({ key: keyOf(id, session), id, kind: 'idle-in-transaction', blocked: 0, millis, session })
  }
  for (const prepared of report.prepared) {
    const id = preparedId(prepared)
    add({ key: id, id, kind: 'prepared', blocked: 0, millis: prepared.millis ?? 0, prepared })
  }
  for (const members of report.deadlocks) {
    const id = members.toSorted().join(', ')
    add({ key: `deadlock ${id}`, id, kind: 'deadlock', blocked: members.length, millis: 0 })
  }
  return concerns
}

function preparedId({ gid }: PreparedReport): string {
  return `gid '${gid}'`
}
