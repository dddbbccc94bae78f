import { type ChildEnd, startChild } from './child.ts'
import { type CommandSessions, commandSessions } from './command-sessions.ts'
import { intervention } from './intervention.ts'
import { cancelLeftovers } from './leftovers.ts'
import type { WaitEnd } from './lock-waits.ts'
import type { Migration, MigrationPolicy } from './migration.ts'
import { connectionsOfTree } from './process-tree.ts'
import { sessionWatch } from './session-watch.ts'

/** What was seen of one run of the command. */
export interface Attempt {
  readonly end: ChildEnd
  /** This process got a signal: its sender wants no further attempt. */
  readonly isInterrupted: boolean
  /** How the last wait of the command for a lock ended. */
  readonly lastEnd?: WaitEnd
  /** Statements that the server certainly refused. */
  readonly refusals: readonly WaitEnd[]
  readonly sessionsSeen: number
  /** How often the server was asked. */
  readonly looks: number
}

/** What came of an attempt. Only what failed because of locks is tried again. */
export type AttemptOutcome = 'done' | 'failed' | 'locks' | 'false-success'

const longestPauseMillis = 500
const shortestPauseMillis = 50
/** After so many rounds of freeing roots, the next look comes after a pause like any other. */
const mostRounds = 10

/** Runs the command once, watches its sessions, and leaves no statement of it behind. */
export async function runAttempt(migration: Migration): Promise<Attempt> {
  const { policy, server, pace, signals } = migration
  const before = await server.look()
  const child = startChild(migration.command, migration.env)
  signals.passTo(child.kill)
  const sessions: CommandSessions = commandSessions({
    ...migration,
    // Without a look before, what is there now cannot be told from what was there before.
    startedAt: before?.snapshot.takenAt ?? new Date().toISOString(),
    connections: async () => (child.pid === undefined ? undefined : await connectionsOfTree(child.pid)),
    isRunning: () => !child.signal.aborted,
  })
  const watch = sessionWatch(migration, sessions)
  const { act } = intervention(migration, watch.noteCancelled)

  async function lookAndAct(): Promise<void> {
    for (let round = 0; round < mostRounds; round += 1) {
      const scene = await watch.look()
      if (scene === undefined) return
      if ((await server.ask(() => act(scene))) !== true) return
    }
  }

  let looks = 0
  while (!child.signal.aborted) {
    await lookAndAct()
    looks += 1
    await pace.pause(pauseBetweenLooks(policy), child.signal)
  }
  const end = await child.ended
  signals.passTo(undefined)
  if (end.failure === undefined) {
    await watch.lookBack()
    const isOrderly = end.signal === undefined && signals.first === undefined
    await cancelLeftovers(isOrderly, migration, sessions)
  }
  const lastEnd = watch.lastEnd()
  return {
    end,
    isInterrupted: signals.first !== undefined,
    ...(lastEnd === undefined ? {} : { lastEnd }),
    refusals: watch.refusals(),
    sessionsSeen: sessions.count,
    looks,
  }
}

/** The exit code alone does not say whether locks were the reason. */
export function outcomeOf(attempt: Attempt, trustExitCode: boolean): AttemptOutcome {
  const { end, isInterrupted, lastEnd, refusals } = attempt
  if (isInterrupted || end.signal !== undefined) return 'failed'
  if (end.code === 0) return refusals.length > 0 && !trustExitCode ? 'false-success' : 'done'
  return lastEnd === undefined || lastEnd.verdict === 'granted' ? 'failed' : 'locks'
}

/** Often enough to see a wait for a lock before it is over. */
function pauseBetweenLooks({ lockTimeoutMillis }: MigrationPolicy): number {
  if (lockTimeoutMillis === 0) return longestPauseMillis
  return Math.min(longestPauseMillis, Math.max(shortestPauseMillis, lockTimeoutMillis / 5))
}
