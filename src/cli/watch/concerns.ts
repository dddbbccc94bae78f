import type { ServerSnapshot } from '../../postgres/index.ts'
import { sessionId } from '../../postgres/index.ts'
import type { CheckReport } from '../check/report.ts'
import type { PreparedReport, SessionReport } from '../report/session-report.ts'

/** Something that is not as it should be, as seen in one look. */
export interface Concern {
  /** The same in each look for as long as it is the same session or prepared transaction. */
  readonly key: string
  /** `pid 4711`, `gid 'transfer'`, or the members of a deadlock. */
  readonly id: string
  readonly kind: 'blocks' | 'idle-in-transaction' | 'prepared' | 'deadlock'
  /** For `blocks`, how long the first of those behind it has waited; else how long it has been so. */
  readonly millis: number
  /** How many wait for it, directly or not. */
  readonly blocked: number
  readonly session?: SessionReport
  readonly prepared?: PreparedReport
}

/** The part of a report that is worth an event: sessions that block or idle in a transaction, prepared transactions, deadlocks. */
export function concernsOf(report: CheckReport, snapshot: ServerSnapshot): ReadonlyMap<string, Concern> {
  const starts = new Map(snapshot.sessions.map(({ pid, backendStart }) => [pid, backendStart ?? '']))
  const keyOf = (id: string, session: SessionReport | undefined) =>
    session === undefined ? id : `${id} ${starts.get(session.pid) ?? ''}`
  const concerns = new Map<string, Concern>()
  const add = (concern: Concern) => void (concerns.has(concern.key) || concerns.set(concern.key, concern))

  for (const root of report.roots) {
    const { session, prepared } = report.blocking.find((node) => node.id === root) ?? {}
    const behind = report.blocking.filter((node) => node.id !== root && node.roots.includes(root))
    // The root has the gid as the server knows it, which could steer a terminal.
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
