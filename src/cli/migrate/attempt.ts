import type { Origins } from '../origins/patient-origins.ts'
import type { Pace } from '../pace.ts'
import { type ChildEnd, startChild } from './child.ts'
import type { directRoute } from './direct-route.ts'
import { cancelLeftovers } from './leftovers.ts'
import type { WaitEnd } from './lock-waits.ts'
import { createLookout, type MigratePolicy } from './lookout.ts'
import type { Tell } from './migrate-event.ts'
import { type OwnSessionsOptions, ownSessions } from './own-sessions.ts'
import { connectionsOfTree } from './process-tree.ts'
import type { ServerView } from './server-view.ts'
import type { SignalRelay } from './signal-relay.ts'

export interface Attempt {
  readonly end: ChildEnd
  /** This process got a signal: whoever sent it wants no further attempt. */
  readonly isInterrupted: boolean
  /** How the last wait of the command for a lock ended. */
  readonly lastEnd?: WaitEnd
  /** Statements that the server refused for certain. */
  readonly refusals: readonly WaitEnd[]
  readonly sessionsSeen: number
  /** Whether the server could be asked at all. */
  readonly looks: number
}

export interface AttemptHost extends Pick<OwnSessionsOptions, 'poolerClients'> {
  readonly isDirect: ReturnType<typeof directRoute>
  readonly command: readonly string[]
  readonly env: NodeJS.ProcessEnv
  readonly application: string
  readonly policy: MigratePolicy
  readonly view: ServerView
  readonly origins: Origins
  readonly tell: Tell
  readonly pace: Pace
  readonly relay: SignalRelay
}

const longestPauseMillis = 500
const shortestPauseMillis = 50

/** Runs the command once, with an eye on its sessions, and leaves no statement of it behind. */
export async function runAttempt(host: AttemptHost): Promise<Attempt> {
  const { policy, view, tell, pace } = host
  const before = await view.look()
  const child = startChild(host.command, host.env)
  host.relay.passTo(child.kill)
  const own = ownSessions({
    application: host.application,
    // Without a look before, nothing that is there now can be told from what was there before.
    startedAt: before?.snapshot.takenAt ?? new Date().toISOString(),
    connections: async () => (child.pid === undefined ? undefined : await connectionsOfTree(child.pid)),
    isDirect: (connections) => host.isDirect(connections, !child.signal.aborted),
    ...(host.poolerClients === undefined ? {} : { poolerClients: host.poolerClients }),
  })
  const lookout = createLookout(policy, { view, own, origins: host.origins, tell })
  const everyMillis = pauseBetweenLooks(policy)
  let looks = 0
  while (!child.signal.aborted) {
    await lookout.look()
    looks += 1
    await pace.pause(everyMillis, child.signal)
  }
  const end = await child.ended
  host.relay.passTo(undefined)
  if (end.failure === undefined) {
    await lookout.lookBack()
    const isOrderly = end.signal === undefined && host.relay.first === undefined
    await cancelLeftovers(isOrderly, { view, own, tell, pace, queryText: policy.queryText })
  }
  const lastEnd = lookout.lastEnd()
  return {
    end,
    isInterrupted: host.relay.first !== undefined,
    ...(lastEnd === undefined ? {} : { lastEnd }),
    refusals: lookout.refusals(),
    sessionsSeen: own.count,
    looks,
  }
}

/** Often enough to see a wait for a lock before it is over. */
function pauseBetweenLooks({ lockTimeoutMillis }: MigratePolicy): number {
  if (lockTimeoutMillis === 0) return longestPauseMillis
  return Math.min(longestPauseMillis, Math.max(shortestPauseMillis, lockTimeoutMillis / 5))
}
