import {
  type BlockingNode,
  type BlockingTree,
  blockingTree,
  type ServerSession,
  type ServerSnapshot,
  sessionId,
} from '../../postgres/index.ts'
import type { QueryTextMode } from '../../sql/redaction.ts'
import type { OriginOf } from '../origins/session-origin.ts'
import { preparedReport, sessionReport } from '../report/session-report.ts'
import type { Sight } from '../server-look.ts'
import { type CommandSessions, type FoundSessions, identityOf } from './command-sessions.ts'
import type { FrontReport, MigrateEvent } from './events.ts'
import { type LockWaits, lockWaits, type WaitEnd } from './lock-waits.ts'
import type { Migration } from './migration.ts'

/** What one look shows of the command: its sessions, and who stands before and behind them. */
export interface Scene extends Sight, FoundSessions {
  readonly tree: BlockingTree
}

/** Watches the command's sessions during one attempt, and reports their waits for locks. */
export interface SessionWatch {
  /** Looks once and reports what has changed. Undefined if the server cannot be seen. */
  look(): Promise<Scene | undefined>
  /** After the command has ended: learns how its last wait ended. */
  lookBack(): Promise<void>
  /** A statement was cancelled from here. */
  noteCancelled(session: ServerSession): void
  /** How the last wait of the command ended. */
  lastEnd(): WaitEnd | undefined
  /** Statements that the server refused, and that were not seen to succeed later. */
  refusals(): readonly WaitEnd[]
}

const nowhere: OriginOf = () => undefined

export function sessionWatch(
  { policy, server, origins, tell }: Migration,
  sessions: CommandSessions,
): SessionWatch {
  const waits: LockWaits = lockWaits(policy.lockTimeoutMillis)
  /** Each session's wait as it was reported, so that each change is reported once. */
  let told: ReadonlyMap<string, string> = new Map()
  let refusals: WaitEnd[] = []
  let lastEnd: WaitEnd | undefined

  async function see(): Promise<Scene | undefined> {
    const scene = await seeOnce()
    return waits.wantsAnotherLook ? await seeOnce() : scene
  }

  async function seeOnce(): Promise<Scene | undefined> {
    const sight = await server.look()
    if (sight === undefined) return undefined
    const { snapshot } = sight
    const { own, suspects } = await sessions.find(snapshot)
    for (const end of waits.look(snapshot, [...own, ...suspects])) {
      lastEnd = end
      const isSuspect = suspects.some((one) => identityOf(one) === identityOf(end.session))
      if (end.verdict === 'refused' && !isSuspect) refusals.push(end)
      if (end.verdict === 'granted') forgetRefusals(end.session)
      if (end.verdict !== 'unknown') tell(endEvent(end, snapshot, policy.queryText))
    }
    for (const session of own) {
      const isAtWork = session.state === 'active' && !snapshot.waits.some(({ pid }) => pid === session.pid)
      if (isAtWork) forgetRefusals(session)
    }
    return { ...sight, own, suspects, tree: blockingTree(snapshot) }
  }

  /** A command that runs the same statement again by itself knows about the refusal. */
  function forgetRefusals({ query }: ServerSession): void {
    refusals = refusals.filter(({ session }) => query === undefined || session.query !== query)
  }

  async function tellWaits(scene: Scene): Promise<void> {
    const { snapshot, own, suspects, tree } = scene
    const now = new Map<string, string>()
    for (const session of [...own, ...suspects]) {
      const node = tree.nodes.find(({ id }) => id === sessionId(session.pid))
      if (node === undefined || node.blockedBy.length === 0) continue
      const key = identityOf(session)
      const state = JSON.stringify([node.wait?.object, node.roots.toSorted()])
      now.set(key, state)
      if (told.get(key) === state) continue
      const originOf = await origins(snapshot)
      tell(waitingEvent(node, session, scene, { queryText: policy.queryText, originOf }))
    }
    told = now
  }

  return {
    async look() {
      const scene = await see()
      if (scene !== undefined) await tellWaits(scene)
      return scene
    },
    async lookBack() {
      await see()
    },
    noteCancelled: waits.noteCancelled,
    lastEnd: () => lastEnd,
    refusals: () => refusals,
  }
}

function endEvent(
  { verdict, session, wait, millis }: WaitEnd,
  snapshot: ServerSnapshot,
  queryText: QueryTextMode,
): MigrateEvent {
  const { pid } = session
  if (verdict === 'granted') return { event: 'granted', pid, waitedMillis: millis }
  const { query } = sessionReport(session, snapshot, { queryText, originOf: nowhere })
  return {
    ...{ event: 'refused', pid, waitedMillis: millis, target: wait.target },
    ...(query === undefined ? {} : { query }),
  }
}

function waitingEvent(
  node: BlockingNode,
  session: ServerSession,
  { snapshot, own, suspects, tree }: Scene,
  options: { readonly queryText: QueryTextMode; readonly originOf: OriginOf },
): MigrateEvent {
  const describe = (one: ServerSession) => sessionReport(one, snapshot, options)
  const isOwn = (pid: number | undefined) => own.some((one) => one.pid === pid)
  const behind = tree.nodes
    .filter(({ id }) => node.roots.includes(id))
    .map(
      ({ id, session: root, prepared }): FrontReport => ({
        id,
        ...(root && { session: describe(root) }),
        ...(prepared && { prepared: preparedReport(prepared) }),
        ...(isOwn(root?.pid) ? { own: true } : {}),
      }),
    )
  const between = node.blockedBy
    .filter(({ id }) => !node.roots.includes(id))
    .flatMap(({ id }) => tree.nodes.find((one) => one.id === id)?.session?.pid ?? [])
  return {
    ...{ event: 'waiting', session: describe(session), behind, between },
    ...(suspects.includes(session) ? { unverified: true } : {}),
  }
}
