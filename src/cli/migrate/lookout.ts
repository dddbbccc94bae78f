import {
  type BlockingNode,
  type BlockingTree,
  blockedBehind,
  blockingTree,
  type ControlConnection,
  cancelSession,
  type ServerSession,
  type ServerSnapshot,
  sessionId,
  terminateSession,
} from '../../postgres/index.ts'
import type { QueryTextMode } from '../../sql/redaction.ts'
import type { Origins } from '../origins/patient-origins.ts'
import type { OriginOf } from '../origins/session-origin.ts'
import { preparedReport, sessionReport } from '../report/session-report.ts'
import { type LockWaits, lockWaits, type WaitEnd } from './lock-waits.ts'
import type { FrontReport, MigrateEvent, Tell } from './migrate-event.ts'
import { identityOf, type OwnSessions } from './own-sessions.ts'
import type { ServerView } from './server-view.ts'

export interface MigratePolicy {
  /** 0: none. */
  readonly lockTimeoutMillis: number
  /** Ends a root that idles in its transaction for so long. */
  readonly freeIdleMillis?: number
  /** So many sessions may wait behind the command. */
  readonly mostBehind?: number
  readonly queryText: QueryTextMode
}

export interface Lookout {
  /** Looks once at what the command's sessions do, tells what changed, and acts as the policy says. */
  look(): Promise<void>
  /** The same without acting: after the command has ended, to learn how its last wait ended. */
  lookBack(): Promise<void>
  /** How the last wait of the command ended. */
  lastEnd(): WaitEnd | undefined
  /** Statements that the server refused, and that were not seen to succeed later. */
  refusals(): readonly WaitEnd[]
}

export interface LookoutHost {
  readonly view: ServerView
  readonly own: OwnSessions
  readonly origins: Origins
  readonly tell: Tell
}

/** The server's own lock timeout comes first. Ours is for commands that it does not reach. */
const serverFirstMillis = 1_000
const nowhere: OriginOf = () => undefined

/** Watches the sessions of one run of the command. */
export function createLookout(policy: MigratePolicy, { view, own, origins, tell }: LookoutHost): Lookout {
  const waits: LockWaits = lockWaits(policy.lockTimeoutMillis)
  /** What has been told of each session's wait, so that it is told once per change. */
  let told: ReadonlyMap<string, string> = new Map()
  const once = tellOnce(tell)
  let refusals: WaitEnd[] = []
  let lastEnd: WaitEnd | undefined

  async function see(): Promise<Scene | undefined> {
    const scene = await seeOnce()
    return waits.wantsAnotherLook ? await seeOnce() : scene
  }

  async function seeOnce(): Promise<Scene | undefined> {
    const seen = await view.look()
    if (seen === undefined) return undefined
    const { control, snapshot } = seen
    const { own: sessions, suspects } = await own.find(snapshot)
    for (const end of waits.look(snapshot, [...sessions, ...suspects])) {
      lastEnd = end
      const isSuspect = suspects.some((one) => identityOf(one) === identityOf(end.session))
      if (end.verdict === 'refused' && !isSuspect) refusals.push(end)
      if (end.verdict === 'granted')
        refusals = refusals.filter((one) => !isSameStatement(one.session, end.session))
      if (end.verdict !== 'unknown') tell(endEvent(end, snapshot, policy.queryText))
    }
    // A command that tries a statement again by itself knows what it does.
    for (const session of sessions) {
      if (session.state !== 'active' || snapshot.waits.some(({ pid }) => pid === session.pid)) continue
      refusals = refusals.filter((one) => !isSameStatement(one.session, session))
    }
    return { control, snapshot, sessions, suspects, tree: blockingTree(snapshot) }
  }

  async function tellWaits(scene: Scene): Promise<void> {
    const { snapshot, sessions, suspects, tree } = scene
    const now = new Map<string, string>()
    for (const session of [...sessions, ...suspects]) {
      const node = tree.nodes.find(({ id }) => id === sessionId(session.pid))
      if (node === undefined || node.blockedBy.length === 0) continue
      const key = identityOf(session)
      const state = JSON.stringify([node.wait?.object, node.roots.toSorted()])
      now.set(key, state)
      if (told.get(key) === state) continue
      tell(
        waitingEvent(node, session, scene, {
          queryText: policy.queryText,
          originOf: await origins(snapshot),
        }),
      )
    }
    told = now
  }

  async function act({ control, snapshot, sessions, tree }: Scene): Promise<boolean> {
    const freed = await freeRoots(control, snapshot, sessions, tree)
    for (const session of sessions) {
      const id = sessionId(session.pid)
      const behind = blockedBehind(tree, id).filter(
        (one) => !sessions.some(({ pid }) => sessionId(pid) === one),
      )
      const waited = snapshot.waits.find(({ pid }) => pid === session.pid)?.millis ?? 0
      const why = reasonToCancel(behind.length, waited, policy)
      if (why === undefined) continue
      if (session.state !== 'active') {
        once({ event: 'holds', pid: session.pid, behind: behind.length }, identityOf(session))
        continue
      }
      const result = await cancelSession(control, session)
      if (result.outcome === 'ended' || result.outcome === 'signalled') waits.noteCancelled(session)
      const key = `${identityOf(session)} ${session.stateChange} ${result.outcome}`
      once({ event: 'cancelled', pid: session.pid, why, behind: behind.length, result }, key)
    }
    return freed
  }

  /** Only those at the very front, only by policy, and never the command's own. */
  async function freeRoots(
    control: ControlConnection,
    snapshot: ServerSnapshot,
    sessions: readonly ServerSession[],
    tree: BlockingTree,
  ): Promise<boolean> {
    const { freeIdleMillis, queryText } = policy
    if (freeIdleMillis === undefined) return false
    const ownIds = new Set(sessions.map(({ pid }) => sessionId(pid)))
    const roots = new Set(
      tree.nodes
        .filter(({ id, blockedBy }) => ownIds.has(id) && blockedBy.length > 0)
        .flatMap((node) => node.roots),
    )
    let isAnyEnded = false
    for (const { id, session } of tree.nodes) {
      if (!roots.has(id) || ownIds.has(id) || session === undefined) continue
      const { state, stateMillis = 0 } = session
      if (state?.startsWith('idle in transaction') !== true || stateMillis < freeIdleMillis) continue
      const result = await terminateSession(control, session)
      isAnyEnded ||= result.outcome === 'ended'
      once(
        {
          event: 'freed',
          session: sessionReport(session, snapshot, { queryText, originOf: nowhere }),
          result,
        },
        `${identityOf(session)} ${session.stateChange} ${result.outcome}`,
      )
    }
    return isAnyEnded
  }

  return {
    async look() {
      // Who is freed may show another one that stood behind.
      for (let round = 0; round < 10; round += 1) {
        const scene = await see()
        if (scene === undefined) return
        await tellWaits(scene)
        const freed = await view.ask(() => act(scene))
        if (freed !== true) return
      }
    },
    async lookBack() {
      await see()
    },
    lastEnd: () => lastEnd,
    refusals: () => refusals,
  }
}

interface Scene {
  readonly control: ControlConnection
  readonly snapshot: ServerSnapshot
  /** The command's for certain: only these are acted for, and upon. */
  readonly sessions: readonly ServerSession[]
  readonly suspects: readonly ServerSession[]
  readonly tree: BlockingTree
}

function reasonToCancel(
  behind: number,
  waitedMillis: number,
  { mostBehind, lockTimeoutMillis }: MigratePolicy,
): 'readers' | 'lock-timeout' | undefined {
  if (mostBehind !== undefined && behind > mostBehind) return 'readers'
  const isOver = lockTimeoutMillis > 0 && waitedMillis > lockTimeoutMillis + serverFirstMillis
  return isOver ? 'lock-timeout' : undefined
}

function isSameStatement(one: ServerSession, other: ServerSession): boolean {
  return one.query !== undefined && one.query === other.query
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
  { snapshot, sessions, suspects, tree }: Scene,
  options: { readonly queryText: QueryTextMode; readonly originOf: OriginOf },
): MigrateEvent {
  const describe = (one: ServerSession) => sessionReport(one, snapshot, options)
  const isOwn = (pid: number | undefined) => sessions.some((one) => one.pid === pid)
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

/** A result that stays the same from look to look is told once. */
function tellOnce(tell: Tell): (event: MigrateEvent, key: string) => void {
  const told = new Set<string>()
  return (event, key) => {
    const full = `${event.event} ${key}`
    if (told.has(full)) return
    told.add(full)
    tell(event)
  }
}
