import { idlesInTransactionFor } from '../../../postgres/idle-in-transaction.ts'
import {
  blockedBehind,
  cancelSession,
  type LockWait,
  type ServerSession,
  sessionId,
  terminateSession,
} from '../../../postgres/index.ts'
import { sessionReport } from '../../../postgres/report/session-report.ts'
import { spareReason } from '../../../postgres/spared.ts'
import type { Emit, MigrateEvent } from '../events.ts'
import type { Migration, MigrationPolicy } from '../migration.ts'
import { identityOf } from './command-sessions.ts'
import { isSnapshotWait, type Scene } from './session-watch.ts'

/** Applies the policy to a look: ends idle roots, and cancels the command's own statements. */
export interface Intervention {
  /** @returns whether a session was ended, so that another one may be the root now */
  act(scene: Scene): Promise<boolean>
  /** The number of sessions of this database that were ended. */
  readonly ended: number
}

/** Additional time for the server's own lock timeout; ours is for commands on which it is not set. */
const serverFirstMillis = 1_000

export function intervention(
  { policy, emit }: Pick<Migration, 'policy' | 'emit'>,
  onCancelled: (session: ServerSession) => void,
): Intervention {
  const emitOnce = onceOnly(emit)
  let ended = 0

  async function cancelOwn({ control, own, tree, snapshot }: Scene, session: ServerSession): Promise<void> {
    const behind = blockedBehind(tree, sessionId(session.pid)).filter(
      (id) => !own.some(({ pid }) => sessionId(pid) === id),
    ).length
    const wait = snapshot.waits.find(({ pid }) => pid === session.pid)
    const why = reasonToCancel(behind, wait, policy)
    if (why === undefined) return
    if (session.state !== 'active') {
      emitOnce({ event: 'holds', pid: session.pid, behind }, identityOf(session))
      return
    }
    const result = await cancelSession(control, session)
    if (result.outcome === 'ended' || result.outcome === 'signalled') onCancelled(session)
    const key = `${identityOf(session)} ${session.stateChange} ${result.outcome}`
    emitOnce({ event: 'cancelled', pid: session.pid, why, behind, result }, key)
  }

  async function endRoot({ control, snapshot }: Scene, session: ServerSession): Promise<boolean> {
    const { queryText, spare } = policy
    const report = sessionReport(session, snapshot, { queryText, originOf: () => undefined })
    const reason = spareReason(session, snapshot.sessions, spare)
    if (reason !== undefined) {
      emitOnce({ event: 'spared', session: report, reason }, identityOf(session))
      return false
    }
    const result = await terminateSession(control, session)
    const key = `${identityOf(session)} ${session.stateChange} ${result.outcome}`
    emitOnce({ event: 'freed', session: report, result }, key)
    if (result.outcome !== 'ended') return false
    if (session.database === snapshot.server.database) ended += 1
    return true
  }

  return {
    get ended() {
      return ended
    },
    async act(scene) {
      let isAnyEnded = false
      for (const root of idleRoots(scene, policy.freeIdleMillis)) {
        isAnyEnded = (await endRoot(scene, root)) || isAnyEnded
      }
      for (const session of scene.own) await cancelOwn(scene, session)
      return isAnyEnded
    },
  }
}

/** The sessions that `--free` may end: roots that are idle for the limit, and not the command's own. */
function idleRoots({ own, tree }: Scene, limitMillis: number | undefined): ServerSession[] {
  if (limitMillis === undefined) return []
  const ownIds = new Set(own.map(({ pid }) => sessionId(pid)))
  const waiting = tree.nodes.filter(({ id, blockedBy }) => ownIds.has(id) && blockedBy.length > 0)
  const roots = new Set(waiting.flatMap((node) => node.roots))
  return tree.nodes.flatMap(({ id, session }) => {
    if (!roots.has(id) || ownIds.has(id) || session === undefined) return []
    return idlesInTransactionFor(session, limitMillis) ? [session] : []
  })
}

function reasonToCancel(
  behind: number,
  wait: LockWait | undefined,
  { mostBehind, lockTimeoutMillis }: MigrationPolicy,
): 'readers' | 'lock-timeout' | undefined {
  if (mostBehind !== undefined && behind > mostBehind) return 'readers'
  // No session queues behind a wait for older transactions, and interrupting CONCURRENTLY leaves an invalid index.
  if (lockTimeoutMillis === 0 || wait === undefined || isSnapshotWait({ wait })) return undefined
  const isOver = (wait.millis ?? 0) > lockTimeoutMillis + serverFirstMillis
  return isOver ? 'lock-timeout' : undefined
}

/** Reports a result that is repeated at each look only once. */
function onceOnly(emit: Emit): (event: MigrateEvent, key: string) => void {
  const reported = new Set<string>()
  return (event, key) => {
    const full = `${event.event} ${key}`
    if (reported.has(full)) return
    reported.add(full)
    emit(event)
  }
}
