import { setTimeout as pause } from 'node:timers/promises'
import {
  type BlockingTree,
  blockedBehind,
  blockingTree,
  type ControlConnection,
  cancelSession,
  type ServerSession,
  type ServerSnapshot,
  type SignalResult,
  sessionId,
  terminateSession,
} from '../../postgres/index.ts'
import { look, type Plan, pidsOf } from './plan.ts'

/** `cancelled`: cancelling its statement was enough, and the session continues. */
export type EndResult = SignalResult & { readonly cancelled?: boolean }

export interface Aftermath {
  readonly snapshot: ServerSnapshot
  readonly tree: BlockingTree
  /** The sessions that waited behind an ended one, and no longer do. */
  readonly free: readonly number[]
  /** The sessions that still wait, and their roots. */
  readonly stillBlocked: readonly { readonly pid: number; readonly roots: readonly string[] }[]
}

/** The time that freed sessions have to continue, before they count as blocked. */
const settleMillis = 2_000
const pauseMillis = 50

/** Ends one session; with `cancelFirst`, only its statement if that is enough. */
export async function endSession(
  control: ControlConnection,
  target: ServerSession,
  { cancelFirst, waitMillis }: { readonly cancelFirst: boolean; readonly waitMillis: number },
): Promise<EndResult> {
  if (!cancelFirst || target.state !== 'active') return terminateSession(control, target, { waitMillis })
  const cancelled = await cancelSession(control, target, { waitMillis })
  if (cancelled.outcome !== 'ended' && cancelled.outcome !== 'signalled') return cancelled
  // It may keep its locks: after a savepoint, or because it does not react.
  const { snapshot, tree } = await look(control, undefined)
  const now = snapshot.sessions.find(
    ({ pid, backendStart }) => pid === target.pid && backendStart === target.backendStart,
  )
  const stillBlocks = (tree.nodes.find(({ id }) => id === sessionId(target.pid))?.blocks.length ?? 0) > 0
  if (now === undefined) return cancelled
  if (!stillBlocks) return { ...cancelled, cancelled: true }
  return terminateSession(control, now, { waitMillis })
}

/** Looks again until the waiting sessions are free, or nothing changes any more. */
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
