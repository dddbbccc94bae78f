import { setTimeout as pause } from 'node:timers/promises'
import { idlesInTransactionFor } from '../../postgres/idle-in-transaction.ts'
import {
  type BlockingTree,
  blockedBehind,
  blockingTree,
  type ControlConnection,
  cancelSession,
  databasePart,
  freedBy,
  type PreparedTransaction,
  type ServerSession,
  type ServerSnapshot,
  type SignalResult,
  serverSnapshot,
  sessionId,
  terminateSession,
} from '../../postgres/index.ts'
import { UsageError } from '../command.ts'

/** Whom to end. One of them is there. */
export interface Selection {
  readonly pid?: number
  /** Idle in a transaction for so many milliseconds. */
  readonly idleInTransaction?: number
  /** Whoever this one has to wait for, at the very front. */
  readonly blocking?: number
}

/** What was chosen, and what would come of it. */
export interface Plan {
  /** Of the whole server. */
  readonly all: ServerSnapshot
  readonly snapshot: ServerSnapshot
  readonly tree: BlockingTree
  readonly targets: readonly ServerSession[]
  /** What was asked for and is no session that can be ended. */
  readonly refused: readonly SignalResult[]
  /** They block, have no session, and are ended otherwise. */
  readonly prepared: readonly PreparedTransaction[]
}

export interface Aftermath {
  readonly snapshot: ServerSnapshot
  readonly tree: BlockingTree
  /** Who waited behind those that were ended, and waits no more. */
  readonly free: readonly number[]
  /** Who still waits, and for whom in the end. */
  readonly stillBlocked: readonly { readonly pid: number; readonly roots: readonly string[] }[]
}

/** How long those who are freed may take to go on, before they count as blocked. */
const settleMillis = 2_000
const pauseMillis = 50

export async function look(control: ControlConnection, database: string | undefined) {
  const all = await serverSnapshot(control)
  const snapshot = database === undefined ? all : databasePart(all, database)
  return { all, snapshot, tree: blockingTree(snapshot) }
}

/** Chooses, by what the server says now. */
export async function plan(
  control: ControlConnection,
  selection: Selection,
  database: string | undefined,
): Promise<Plan> {
  // A pid is meant wherever it is.
  const part = selection.idleInTransaction === undefined ? undefined : database
  const { all, snapshot, tree } = await look(control, part)
  const nothing: Plan = { all, snapshot, tree, targets: [], refused: [], prepared: [] }
  const { pid, idleInTransaction, blocking } = selection
  if (idleInTransaction !== undefined) {
    const targets = snapshot.sessions.filter((session) => idlesInTransactionFor(session, idleInTransaction))
    return { ...nothing, targets }
  }
  if (pid !== undefined) {
    const target = snapshot.sessions.find((session) => session.pid === pid)
    const canBeEnded = target?.backendType === 'client backend' && target.backendStart !== undefined
    if (canBeEnded) return { ...nothing, targets: [target] }
    return { ...nothing, refused: [await terminateSession(control, { pid })] }
  }
  if (blocking === undefined)
    throw new UsageError('One of --pid, --idle-in-transaction and --blocking is needed.')
  return planRoots(control, nothing, blocking)
}

async function planRoots(control: ControlConnection, nothing: Plan, blocking: number): Promise<Plan> {
  const { tree, snapshot } = nothing
  const node = tree.nodes.find(({ id }) => id === sessionId(blocking))
  if (node === undefined) {
    if (snapshot.sessions.some(({ pid }) => pid === blocking)) return nothing
    return { ...nothing, refused: [{ pid: blocking, outcome: 'gone', detail: 'there is no such session' }] }
  }
  const roots = node.roots.filter((id) => id !== node.id)
  if (node.roots.some((id) => !tree.roots.includes(id))) {
    throw new UsageError(
      `pid ${blocking} is in or behind a deadlock of ${node.roots.join(', ')}: choose one of them with --pid.`,
    )
  }
  const found = tree.nodes.filter(({ id }) => roots.includes(id))
  const sessions = found.flatMap(({ session }) => session ?? [])
  const targets = sessions.filter(
    ({ backendType, backendStart }) => backendType === 'client backend' && backendStart,
  )
  const refused: SignalResult[] = []
  for (const { pid } of sessions) {
    if (!targets.some((target) => target.pid === pid)) refused.push(await terminateSession(control, { pid }))
  }
  return { ...nothing, targets, refused, prepared: found.flatMap(({ prepared }) => prepared ?? []) }
}

/** Who would be free if this one went. */
export function freedPids(tree: BlockingTree, { pid }: ServerSession): number[] {
  return pidsOf(tree, freedBy(tree, sessionId(pid)))
}

/** Ends one session; with `cancelFirst` only its statement, if that is enough. */
export async function end(
  control: ControlConnection,
  target: ServerSession,
  { cancelFirst, waitMillis }: { readonly cancelFirst: boolean; readonly waitMillis: number },
): Promise<SignalResult & { readonly cancelled?: boolean }> {
  if (!cancelFirst || target.state !== 'active') return terminateSession(control, target, { waitMillis })
  const cancelled = await cancelSession(control, target, { waitMillis })
  if (cancelled.outcome !== 'ended' && cancelled.outcome !== 'signalled') return cancelled
  // It may keep its locks: in a transaction with a savepoint, or because it does not react.
  const { snapshot, tree } = await look(control, undefined)
  const now = snapshot.sessions.find(
    ({ pid, backendStart }) => pid === target.pid && backendStart === target.backendStart,
  )
  const stillBlocks = (tree.nodes.find(({ id }) => id === sessionId(target.pid))?.blocks.length ?? 0) > 0
  if (now === undefined) return cancelled
  if (!stillBlocks) return { ...cancelled, cancelled: true }
  return terminateSession(control, now, { waitMillis })
}

/** Looks again, until whoever waited behind them is free or nothing moves any more. */
export async function lookAgain(control: ControlConnection, before: Plan): Promise<Aftermath> {
  const whole = blockingTree(before.all)
  const waited = new Set(
    before.targets.flatMap(({ pid }) => pidsOf(whole, blockedBehind(whole, sessionId(pid)))),
  )
  const known = before.all.sessions.filter(({ pid }) => waited.has(pid))
  const deadline = performance.now() + settleMillis
  for (;;) {
    const { snapshot, tree } = await look(control, undefined)
    const stillBlocked = known.flatMap(({ pid, backendStart }) => {
      const node = tree.nodes.find(({ id }) => id === sessionId(pid))
      const isSame = node?.session?.backendStart === backendStart
      return node !== undefined && isSame && node.blockedBy.length > 0 ? [{ pid, roots: node.roots }] : []
    })
    if (stillBlocked.length === 0 || performance.now() >= deadline) {
      const blocked = new Set(stillBlocked.map(({ pid }) => pid))
      const free = known.map(({ pid }) => pid).filter((pid) => !blocked.has(pid))
      return { snapshot, tree, free, stillBlocked }
    }
    await pause(pauseMillis)
  }
}

function pidsOf(tree: BlockingTree, ids: readonly string[]): number[] {
  const nodes = new Map(tree.nodes.map((node) => [node.id, node]))
  return ids.flatMap((id) => nodes.get(id)?.session?.pid ?? [])
}
