import { type DatabaseCounters, databaseCounters } from '../../../postgres/database-counters.ts'
import {
  type BlockingNode,
  type BlockingTree,
  blockingTree,
  type ServerSession,
  sessionId,
} from '../../../postgres/index.ts'
import type { Sight } from '../../../postgres/look/server-look.ts'
import type { OriginOf } from '../../../postgres/report/session-origin.ts'
import { preparedReport, type SessionReport, sessionReport } from '../../../postgres/report/session-report.ts'
import { presentQueryText, type QueryTextMode } from '../../../sql/redaction.ts'
import { oneLine } from '../../../text/safe-text.ts'
import type { FrontReport, MigrateEvent } from '../events.ts'
import type { Migration } from '../migration.ts'
import { type CommandSessions, type FoundSessions, identityOf } from './command-sessions.ts'
import { lockWaits, statementOf, type WaitEnd } from './lock-waits.ts'
import { waitRecord } from './wait-record.ts'

/** The command's sessions in one look, and the sessions before and behind them. */
export interface Scene extends Sight, FoundSessions {
  readonly tree: BlockingTree
}

/** Watches the command's sessions during one attempt, and reports their waits for locks. */
export interface SessionWatch {
  /** Looks once and reports changes. Undefined if the server cannot be reached. */
  look(): Promise<Scene | undefined>
  /** Determines the end of the last waits after the command has ended. */
  lookBack(isSuccess: boolean): Promise<void>
  /** Records that pg-lifeguard has cancelled a statement. */
  noteCancelled(session: ServerSession): void
  waits(): WatchedWaits
}

export interface WatchedWaits {
  /** The end of the command's last wait. */
  readonly last?: WaitEnd
  /** True if only other sessions of the command blocked that wait. */
  readonly isSelfBlocked: boolean
  /** Statements that failed because they did not get a lock, and were not seen to succeed later. */
  readonly refusals: readonly WaitEnd[]
}

/** The server counts a deadlock when the session ends, which may be a moment after its client. */
const countMillis = 500

export function sessionWatch(
  { policy, server, origins, emit, pace }: Migration,
  sessions: CommandSessions,
  before: DatabaseCounters | undefined,
): SessionWatch {
  const waits = lockWaits(policy.lockTimeoutMillis)
  const record = waitRecord(before, policy.lockTimeoutMillis)
  /** The last reported wait of each session, so that each change is reported once. */
  let reported: ReadonlyMap<string, string> = new Map()
  const selfBlocked = new Set<string>()

  async function see(): Promise<Scene | undefined> {
    const scene = await seeOnce()
    return waits.wantsAnotherLook ? await seeOnce() : scene
  }

  async function seeOnce(): Promise<Scene | undefined> {
    const sight = await server.look()
    if (sight === undefined) return undefined
    const { snapshot } = sight
    const found = await sessions.find(snapshot)
    const counters = record.wantsCounters ? await server.ask(databaseCounters) : undefined
    const ends = waits.look(snapshot, [...found.own, ...found.suspects])
    tellEnds(record.add(ends, { snapshot, ...found, ...(counters && { counters }) }))
    return { ...sight, ...found, tree: blockingTree(snapshot) }
  }

  function tellEnds(ends: readonly WaitEnd[]): void {
    for (const end of ends) {
      if (end.verdict !== 'unknown') emit(endEvent(end, policy.queryText))
    }
  }

  function tellWaits(scene: Scene): void {
    const { own, suspects, tree } = scene
    const now = new Map<string, string>()
    for (const session of [...own, ...suspects]) {
      const node = tree.nodes.find(({ id }) => id === sessionId(session.pid))
      if (node === undefined || node.blockedBy.length === 0) continue
      if (isOwnOnly(node, own)) selfBlocked.add(statementOf(session))
      else selfBlocked.delete(statementOf(session))
      const key = identityOf(session)
      const state = JSON.stringify([node.wait?.object, node.roots.toSorted()])
      now.set(key, state)
      if (reported.get(key) !== state) emit(describeWait(node, session, scene))
    }
    reported = now
  }

  /** Describes a wait. Only the description waits for an application, not the intervention. */
  async function describeWait(
    node: BlockingNode,
    session: ServerSession,
    scene: Scene,
  ): Promise<MigrateEvent> {
    const originOf = await origins(scene.snapshot)
    const isTimed = policy.lockTimeoutMillis > 0
    return waitingEvent(node, session, scene, { queryText: policy.queryText, originOf, isTimed })
  }

  return {
    async look() {
      const scene = await see()
      if (scene !== undefined) tellWaits(scene)
      return scene
    },
    async lookBack(isSuccess) {
      await see()
      if (!isSuccess && record.wantsCounters) await pace.pause(countMillis)
      const counters = record.wantsCounters ? await server.ask(databaseCounters) : undefined
      tellEnds(record.close(isSuccess, counters))
    },
    noteCancelled: waits.noteCancelled,
    waits() {
      const { last, refusals } = record
      return {
        ...(last && { last }),
        isSelfBlocked: last !== undefined && selfBlocked.has(statementOf(last.session)),
        refusals,
      }
    },
  }
}

function isOwnOnly({ roots }: BlockingNode, own: readonly ServerSession[]): boolean {
  return roots.length > 0 && roots.every((id) => own.some(({ pid }) => sessionId(pid) === id))
}

function endEvent({ verdict, session, wait, millis }: WaitEnd, queryText: QueryTextMode): MigrateEvent {
  const { pid } = session
  if (verdict === 'granted') return { event: 'granted', pid, waitedMillis: millis }
  const query = presentQueryText(session.query, queryText)
  return {
    ...{
      event: verdict === 'deadlock' ? 'deadlock' : 'refused',
      pid,
      waitedMillis: millis,
      target: wait.target,
    },
    ...(query === undefined ? {} : { query: oneLine(query) }),
  }
}

function waitingEvent(
  node: BlockingNode,
  session: ServerSession,
  { snapshot, own, suspects, doubt, tree }: Scene,
  {
    isTimed,
    ...options
  }: { readonly queryText: QueryTextMode; readonly originOf: OriginOf; readonly isTimed: boolean },
): MigrateEvent {
  const describe = (one: ServerSession) => sessionReport(one, snapshot, options)
  const isOwn = (pid: number | undefined) => own.some((one) => one.pid === pid)
  const isDeadlock = node.roots.includes(node.id)
  const behind = tree.nodes
    .filter(({ id }) => node.roots.includes(id) && id !== node.id)
    .map(({ id, session: root, prepared }): FrontReport => {
      if (root !== undefined && isOwn(root.pid)) return { id, session: asOwn(describe(root)), own: true }
      return {
        id,
        ...(root && { session: describe(root) }),
        ...(prepared && { prepared: preparedReport(prepared) }),
      }
    })
  const between = node.blockedBy
    .filter(({ id }) => !node.roots.includes(id))
    .flatMap(({ id }) => tree.nodes.find((one) => one.id === id)?.session?.pid ?? [])
  return {
    ...{ event: 'waiting', session: asOwn(describe(session)), behind, between },
    ...(isDeadlock ? { deadlock: true } : {}),
    ...(isTimed && isSnapshotWait(node) ? { nobodyQueues: true } : {}),
    ...(suspects.includes(session) ? { unverified: true, ...(doubt && { doubt }) } : {}),
  }
}

/** The report without `spared`: the run's own sessions need no note that other runs spare them. */
function asOwn({ spared: _, ...report }: SessionReport): SessionReport {
  return report
}

/** Whether it is a wait of CONCURRENTLY for the end of older transactions, not in the queue of a table. */
export function isSnapshotWait({ wait }: Pick<BlockingNode, 'wait'>): boolean {
  return wait?.lockType === 'virtualxid'
}
