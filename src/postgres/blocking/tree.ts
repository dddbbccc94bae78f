import type { LockWait, PreparedTransaction, ServerSession, ServerSnapshot } from '../server-data.ts'
import { cyclesFirst, nearestOnly } from './graph.ts'

/** A session or a prepared transaction that blocks or is blocked. */
export interface BlockingNode {
  /** `pid 4711` or `gid 'transfer'`. */
  readonly id: string
  readonly session?: ServerSession
  readonly prepared?: PreparedTransaction
  /** The lock that it waits for. */
  readonly wait?: LockWait
  /** All blockers that the server names, direct or not. */
  readonly blockedBy: readonly { readonly id: string; readonly kind: 'hard' | 'soft' }[]
  /** The nearest blockers: those in `blockedBy` that no other one in it waits for. */
  readonly behind: readonly string[]
  /** The nodes that wait directly behind this one, the longest wait first. */
  readonly blocks: readonly string[]
  /** The nodes that wait for nothing and must end before this one can continue. The root of a root is itself. */
  readonly roots: readonly string[]
}

/** The blocking tree as plain data; nodes refer to each other by id. */
export interface BlockingTree {
  /** The nodes that block others and wait for nothing, those that block most first. */
  readonly roots: readonly string[]
  /** Blockers come before those that they block. */
  readonly nodes: readonly BlockingNode[]
  /** Groups of nodes that wait for each other. Seen only once, it may be a coincidence: see {@link deadlocks}. */
  readonly cycles: readonly (readonly string[])[]
}

/**
 * Builds the blocking tree of one snapshot. A pure function.
 *
 * @example
 * const tree = blockingTree(await serverSnapshot(client))
 * for (const root of tree.roots) console.log(root, 'blocks', freedBy(tree, root))
 */
export function blockingTree(snapshot: ServerSnapshot): BlockingTree {
  const sessions = new Map(snapshot.sessions.map((session) => [session.pid, session]))
  const prepared = new Map(snapshot.prepared.map((one) => [one.gid, one]))
  const waits = new Map(snapshot.waits.map((wait) => [wait.pid, wait]))
  const blockers = new Map<string, Map<string, 'hard' | 'soft'>>()
  const about = new Map<string, Pick<BlockingNode, 'session' | 'prepared' | 'wait'>>()

  const know = (id: string, pid: number | undefined, gid: string | undefined) => {
    if (blockers.has(id)) return
    blockers.set(id, new Map())
    const session = pid === undefined ? undefined : sessions.get(pid)
    const wait = pid === undefined ? undefined : waits.get(pid)
    const one = gid === undefined ? undefined : prepared.get(gid)
    about.set(id, {
      ...(session && { session }),
      ...(one && { prepared: one }),
      ...(wait && { wait }),
    })
  }
  for (const { blocked, blockerPid, blockerGid, kind } of snapshot.blocks) {
    const [behind, ahead] = [sessionId(blocked), blockerId(blockerPid, blockerGid)]
    know(behind, blocked, undefined)
    know(ahead, blockerPid, blockerGid)
    if (behind !== ahead) blockers.get(behind)?.set(ahead, kind)
  }

  const graph = new Map([...blockers].map(([id, ahead]) => [id, [...ahead.keys()]]))
  const { order, cycles } = cyclesFirst(graph)
  const behind = nearestOnly(graph, order, cycles)
  const roots = rootsOf(graph, order, cycles)
  const blocks = reversed(behind, (id) => about.get(id)?.wait?.millis ?? 0)
  const nodes = order.map(
    (id): BlockingNode => ({
      id,
      ...about.get(id),
      blockedBy: [...(blockers.get(id) ?? [])].map(([one, kind]) => ({ id: one, kind })),
      behind: behind.get(id) ?? [],
      blocks: blocks.get(id) ?? [],
      roots: [...(roots.get(id) ?? [])],
    }),
  )
  const tree = { roots: order.filter((id) => graph.get(id)?.length === 0), nodes, cycles }
  const weight = new Map(tree.roots.map((id) => [id, nodes.filter((node) => node.roots.includes(id)).length]))
  tree.roots.sort((a, b) => (weight.get(b) ?? 0) - (weight.get(a) ?? 0))
  return freezeAll(tree)
}

/**
 * The ids of the nodes that could continue if this one ended: in this snapshot nothing else blocks them.
 *
 * @example
 * const [root = ''] = tree.roots
 * console.log(`${freedBy(tree, root).length} sessions would go on`)
 */
export function freedBy(tree: BlockingTree, id: string): readonly string[] {
  return tree.nodes
    .filter((node) => node.id !== id && node.roots.every((root) => root === id))
    .filter((node) => node.roots.length > 0)
    .map((node) => node.id)
}

/**
 * The ids of all nodes that wait for this one, directly or not.
 *
 * @example
 * const victims = blockedBehind(tree, sessionId(4711))
 */
export function blockedBehind(tree: BlockingTree, id: string): readonly string[] {
  const nodes = new Map(tree.nodes.map((node) => [node.id, node]))
  const found = new Set<string>()
  const queue = [id]
  for (let at = queue.shift(); at !== undefined; at = queue.shift()) {
    for (const next of nodes.get(at)?.blocks ?? []) {
      if (next === id || found.has(next)) continue
      found.add(next)
      queue.push(next)
    }
  }
  return [...found]
}

/**
 * The cycles in two consecutive snapshots: the same sessions, in the same statements, wait for the same objects. One
 * snapshot is not enough, because the server does not read all sessions at the same instant.
 *
 * @example
 * const earlier = await serverSnapshot(control)
 * const cycles = deadlocks(earlier, await serverSnapshot(control)) // [['pid 4711', 'pid 4712']]
 */
export function deadlocks(earlier: ServerSnapshot, later: ServerSnapshot): readonly (readonly string[])[] {
  const before = new Set(blockingTree(earlier).cycles.map((cycle) => fingerprint(earlier, cycle)))
  return blockingTree(later).cycles.filter((cycle) => before.has(fingerprint(later, cycle)))
}

function fingerprint(snapshot: ServerSnapshot, cycle: readonly string[]): string {
  return JSON.stringify(
    cycle.toSorted().map((id) => {
      const session = snapshot.sessions.find(({ pid }) => sessionId(pid) === id)
      const wait = snapshot.waits.find(({ pid }) => sessionId(pid) === id)
      return [id, session?.backendStart, session?.stateChange, wait?.object]
    }),
  )
}

/**
 * The id of a session's node in a {@link BlockingTree}.
 *
 * @example
 * const freed = freedBy(tree, sessionId(4711))
 */
export function sessionId(pid: number): string {
  return `pid ${pid}`
}

function blockerId(pid: number | undefined, gid: string | undefined): string {
  return pid === undefined ? `gid '${gid ?? '?'}'` : sessionId(pid)
}

/** The front of each node's queue: those without a blocker, or the whole of a cycle that waits for nobody else. */
function rootsOf(
  graph: ReadonlyMap<string, readonly string[]>,
  order: readonly string[],
  cycles: readonly (readonly string[])[],
): Map<string, Set<string>> {
  const roots = new Map<string, Set<string>>()
  const cycleOf = new Map(cycles.flatMap((cycle) => cycle.map((id) => [id, cycle] as const)))
  for (const id of order) {
    if (roots.has(id)) continue
    const members = cycleOf.get(id) ?? [id]
    const ahead = members.flatMap((member) => graph.get(member) ?? []).filter((one) => !members.includes(one))
    const found = new Set(ahead.length === 0 ? members : ahead.flatMap((one) => [...(roots.get(one) ?? [])]))
    for (const member of members) roots.set(member, found)
  }
  return roots
}

function reversed(
  behind: ReadonlyMap<string, readonly string[]>,
  weight: (id: string) => number,
): Map<string, string[]> {
  const blocks = new Map<string, string[]>()
  for (const [id, ahead] of behind) {
    for (const one of ahead) blocks.set(one, [...(blocks.get(one) ?? []), id])
  }
  for (const list of blocks.values()) list.sort((a, b) => weight(b) - weight(a))
  return blocks
}

function freezeAll<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  for (const child of Object.values(value)) freezeAll(child)
  return Object.freeze(value)
}
