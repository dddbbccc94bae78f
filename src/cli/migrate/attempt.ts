import { type DatabaseCounters, databaseCounters } from '../../postgres/database-counters.ts'
import { type ChildEnd, startChild } from './child.ts'
import type { Migration, MigrationPolicy } from './migration.ts'
import { isClientGone } from './sessions/client-end.ts'
import { commandSessions, identityOf } from './sessions/command-sessions.ts'
import { intervention } from './sessions/intervention.ts'
import { cancelLeftovers } from './sessions/leftovers.ts'
import { connectionsOfTree } from './sessions/process-tree.ts'
import { sessionWatch, type WatchedWaits } from './sessions/session-watch.ts'
import { isTimedOut } from './sessions/wait-record.ts'

/** The observations of one run of the command. */
export interface Attempt {
  readonly end: ChildEnd
  /** True if this process got a signal: there must be no further attempt. */
  readonly isInterrupted: boolean
  readonly waits: WatchedWaits
  /** The pid of a waiting session that was terminated, but not by pg-lifeguard. */
  readonly terminatedPid?: number
  readonly sessionsSeen: number
  /** True if the server has counted no new session at all. */
  readonly isUnreached: boolean
  /** The number of looks at the server. */
  readonly looks: number
}

/** The outcome of an attempt. Only `locks` is retried. */
export type AttemptOutcome = 'done' | 'failed' | 'terminated' | 'locks' | 'false-success'

const longestPauseMillis = 500
const shortestPauseMillis = 50
/** The limit of consecutive rounds of freeing roots; after it, there is a pause as usual. */
const mostRounds = 10
/** The server counts a terminated session when it has ended, which may be a moment after its client has noticed. */
const countMillis = 500

/** Runs the command once, watches its sessions, and cancels its remaining statements. */
export async function runAttempt(migration: Migration): Promise<Attempt> {
  const { policy, server, pace, signals } = migration
  const counters = await server.ask(databaseCounters)
  const before = await server.look()
  const child = startChild(migration.command, migration.env)
  signals.passTo(child.kill)
  const sessions = commandSessions({
    ...migration,
    // Without an earlier look, existing sessions cannot be distinguished from the command's by their start.
    startedAt: before?.snapshot.takenAt ?? new Date().toISOString(),
    connections: async () => (child.pid === undefined ? undefined : await connectionsOfTree(child.pid)),
    isRunning: () => !child.signal.aborted,
    isClientGone: async (session) => (await server.ask((control) => isClientGone(control, session))) === true,
  })
  const watch = sessionWatch(migration, sessions, counters)
  const interventions = intervention(migration, watch.noteCancelled)

  async function lookAndAct(): Promise<void> {
    for (let round = 0; round < mostRounds; round += 1) {
      const scene = await watch.look()
      if (scene === undefined) return
      if ((await server.ask(() => interventions.act(scene))) !== true) return
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
  let terminatedPid: number | undefined
  if (end.failure === undefined) {
    await watch.lookBack(end.code === 0)
    const isOrderly = end.signal === undefined && signals.first === undefined
    if (isOrderly && end.code !== 0) {
      terminatedPid = await terminatedElsewhere(migration, watch.waits(), counters, interventions.ended)
    }
    await cancelLeftovers(isOrderly, migration, sessions)
  }
  const after = sessions.count === 0 ? await server.ask(databaseCounters) : undefined
  return {
    end,
    isInterrupted: signals.first !== undefined,
    waits: watch.waits(),
    ...(terminatedPid === undefined ? {} : { terminatedPid }),
    sessionsSeen: sessions.count,
    isUnreached: after !== undefined && after.sessions === counters?.sessions,
    looks,
  }
}

/**
 * The pid of the session that waited last, if it was terminated from outside: it ended before the lock timeout, and the
 * server has counted more terminated sessions than pg-lifeguard has ended.
 */
async function terminatedElsewhere(
  { server, pace, policy: { lockTimeoutMillis } }: Migration,
  { last }: WatchedWaits,
  before: DatabaseCounters | undefined,
  endedHere: number,
): Promise<number | undefined> {
  if (before === undefined || last === undefined || last.isCancelled) return undefined
  if (last.verdict === 'deadlock' || isTimedOut(last, lockTimeoutMillis)) return undefined
  for (const pauseMillis of [0, countMillis]) {
    if (pauseMillis > 0) await pace.pause(pauseMillis)
    const sight = await server.look()
    const now = await server.ask(databaseCounters)
    if (sight === undefined || now === undefined) return undefined
    const isGone = !sight.snapshot.sessions.some((one) => identityOf(one) === identityOf(last.session))
    if (isGone && now.sessionsKilled - before.sessionsKilled > endedHere) return last.session.pid
  }
  return undefined
}

/** The outcome of an attempt. The exit code alone does not show whether locks were the reason. */
export function outcomeOf(attempt: Attempt, trustExitCode: boolean): AttemptOutcome {
  const { end, isInterrupted, waits, terminatedPid } = attempt
  if (isInterrupted || end.signal !== undefined) return 'failed'
  if (end.code === 0) return waits.refusals.length > 0 && !trustExitCode ? 'false-success' : 'done'
  if (terminatedPid !== undefined) return 'terminated'
  const verdict = waits.last?.verdict
  return verdict === undefined || verdict === 'granted' || verdict === 'passed' ? 'failed' : 'locks'
}

/** Short enough to see a lock wait before it is over. */
function pauseBetweenLooks({ lockTimeoutMillis }: MigrationPolicy): number {
  if (lockTimeoutMillis === 0) return longestPauseMillis
  return Math.min(longestPauseMillis, Math.max(shortestPauseMillis, lockTimeoutMillis / 5))
}
