import { idlesInTransactionFor } from '../../postgres/idle-in-transaction.ts'
import {
  type BlockingTree,
  blockingTree,
  type ControlConnection,
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
import { isSparedByName, spareReason } from '../../postgres/spared.ts'
import { UsageError } from '../command.ts'

/** The selection of sessions to end. One of the first three is set. */
export interface Selection {
  readonly pid?: number
  /** Selects sessions idle in a transaction for this time, in milliseconds. */
  readonly idleInTransaction?: number
  /** Selects the roots that block this session. */
  readonly blocking?: number
  /** The application names of sessions that are left alone. */
  readonly spare?: readonly string[]
}

export interface SparedSession {
  readonly session: ServerSession
  readonly reason: string
}

/** The selected sessions, and the data that the selection is based on. */
export interface Plan {
  /** The whole server. */
  readonly all: ServerSnapshot
  readonly snapshot: ServerSnapshot
  readonly tree: BlockingTree
  readonly targets: readonly ServerSession[]
  /** The requested pids that are not sessions that can be ended. */
  readonly refused: readonly SignalResult[]
  /** The prepared transactions that block, which have no session to end. */
  readonly prepared: readonly PreparedTransaction[]
  /** The sessions that match and are spared. */
  readonly spared: readonly SparedSession[]
  /** The reason why the target, selected by its pid, needs a separate confirmation. */
  readonly caution?: string
}

export async function look(control: ControlConnection, database: string | undefined) {
  const all = await serverSnapshot(control)
  const snapshot = database === undefined ? all : databasePart(all, database)
  return { all, snapshot, tree: blockingTree(snapshot) }
}

/** Selects sessions in a fresh look at the server. */
export async function plan(
  control: ControlConnection,
  selection: Selection,
  database: string | undefined,
): Promise<Plan> {
  const { pid, idleInTransaction, blocking, spare = [] } = selection
  // A pid is looked up in all databases.
  const seen = await look(control, idleInTransaction === undefined ? undefined : database)
  const nothing: Plan = { ...seen, targets: [], refused: [], prepared: [], spared: [] }
  if (idleInTransaction !== undefined) {
    const idle = seen.snapshot.sessions.filter((session) => idlesInTransactionFor(session, idleInTransaction))
    return { ...nothing, ...withoutSpared(idle, seen.all, spare) }
  }
  if (pid !== undefined) return planOne(control, nothing, pid, spare)
  if (blocking !== undefined) return planRoots(control, nothing, blocking, spare)
  throw new UsageError('One of --pid, --idle-in-transaction and --blocking is required.')
}

/** The plan for one pid, which may also select a spared session, with a separate confirmation. */
async function planOne(
  control: ControlConnection,
  nothing: Plan,
  pid: number,
  spare: readonly string[],
): Promise<Plan> {
  const { sessions } = nothing.all
  const target = sessions.find((session) => session.pid === pid)
  if (target === undefined || !canBeEnded(target))
    return { ...nothing, refused: [await terminateSession(control, { pid })] }
  if (isSparedByName(target, spare)) return { ...nothing, ...withoutSpared([target], nothing.all, spare) }
  const caution = spareReason(target, sessions)
  return { ...nothing, targets: [target], ...(caution === undefined ? {} : { caution }) }
}

async function planRoots(
  control: ControlConnection,
  nothing: Plan,
  blocking: number,
  spare: readonly string[],
): Promise<Plan> {
  const { tree, snapshot } = nothing
  const node = tree.nodes.find(({ id }) => id === sessionId(blocking))
  if (node === undefined) {
    if (snapshot.sessions.some(({ pid }) => pid === blocking)) return nothing
    return { ...nothing, refused: [{ pid: blocking, outcome: 'gone', detail: 'there is no such session' }] }
  }
  if (node.roots.some((id) => !tree.roots.includes(id))) {
    throw new UsageError(
      `pid ${blocking} is in or behind a deadlock of ${node.roots.join(', ')}: choose one of them with --pid.`,
    )
  }
  const roots = tree.nodes.filter(({ id }) => id !== node.id && node.roots.includes(id))
  const sessions = roots.flatMap(({ session }) => session ?? [])
  const refused: SignalResult[] = []
  for (const session of sessions) {
    if (!canBeEnded(session)) refused.push(await terminateSession(control, { pid: session.pid }))
  }
  return {
    ...nothing,
    ...withoutSpared(sessions.filter(canBeEnded), nothing.all, spare),
    refused,
    prepared: roots.flatMap(({ prepared }) => prepared ?? []),
  }
}

function canBeEnded({ backendType, backendStart }: ServerSession): boolean {
  return backendType === 'client backend' && backendStart !== undefined
}

function withoutSpared(
  sessions: readonly ServerSession[],
  { sessions: all }: ServerSnapshot,
  applications: readonly string[],
): Pick<Plan, 'targets' | 'spared'> {
  const judged = sessions.map((session) => ({ session, reason: spareReason(session, all, applications) }))
  return {
    targets: judged.flatMap(({ session, reason }) => (reason === undefined ? [session] : [])),
    spared: judged.flatMap(({ session, reason }) => (reason === undefined ? [] : [{ session, reason }])),
  }
}

/** The sessions that would be free if this one ended. */
export function freedPids(tree: BlockingTree, { pid }: ServerSession): number[] {
  return pidsOf(tree, freedBy(tree, sessionId(pid)))
}

export function pidsOf(tree: BlockingTree, ids: readonly string[]): number[] {
  const nodes = new Map(tree.nodes.map((node) => [node.id, node]))
  return ids.flatMap((id) => nodes.get(id)?.session?.pid ?? [])
}
