import type { SignalResult } from '../../postgres/index.ts'
import type { PreparedReport, SessionReport } from '../report/session-report.ts'

/** A session or prepared transaction at the very front. */
export interface FrontReport {
  readonly id: string
  readonly session?: SessionReport
  readonly prepared?: PreparedReport
  /** One of the command's own sessions. */
  readonly own?: true
}

/** Everything that `migrate` reports while it runs. Durations are milliseconds. */
export type MigrateEvent =
  | {
      readonly event: 'started'
      readonly target: string
      readonly lockTimeoutMillis: number
      readonly retries: number
    }
  /** A pooler refuses PGOPTIONS, or the user does not want it set. `isBlind`: nothing is cancelled from here either. */
  | { readonly event: 'without-options'; readonly reason: string; readonly isBlind: boolean }
  /** A session of the command waits for a lock: `behind` is at the front, `between` stand between the two. */
  | {
      readonly event: 'waiting'
      readonly session: SessionReport
      readonly behind: readonly FrontReport[]
      readonly between: readonly number[]
      /** It waits for those behind which it stands, and they for it: the server ends one of them. */
      readonly deadlock?: true
      /** The lock timeout would end the wait, although nobody queues behind it: CONCURRENTLY waits for older transactions. */
      readonly nobodyQueues?: true
      /** The session may serve another client by now: nothing is done about it. */
      readonly unverified?: true
      readonly doubt?: SessionDoubt
    }
  | { readonly event: 'granted'; readonly pid: number; readonly waitedMillis: number }
  | {
      readonly event: 'refused'
      readonly pid: number
      readonly waitedMillis: number
      readonly target: string
      readonly query?: string
    }
  /** The server ended the statement of the command to resolve a deadlock. */
  | {
      readonly event: 'deadlock'
      readonly pid: number
      readonly waitedMillis: number
      readonly target: string
      readonly query?: string
    }
  /** `--free` ended the root. */
  | { readonly event: 'freed'; readonly session: SessionReport; readonly result: SignalResult }
  /** `--free` would have ended the root, but it is spared. */
  | { readonly event: 'spared'; readonly session: SessionReport; readonly reason: string }
  /** A statement of the command was cancelled. */
  | {
      readonly event: 'cancelled'
      readonly pid: number
      readonly why: 'readers' | 'lock-timeout' | 'left-behind'
      /** How many sessions waited behind it. */
      readonly behind: number
      readonly result: SignalResult
    }
  /** Sessions wait behind the command, which runs no statement that could be cancelled. */
  | { readonly event: 'holds'; readonly pid: number; readonly behind: number }
  /** A session is still there after the command has ended: it runs no statement, or could not be cancelled. */
  | {
      readonly event: 'left-open'
      readonly session: SessionReport
      readonly unverified?: true
      readonly doubt?: SessionDoubt
    }
  /** `isOlder`: it was there before the command, and CREATE INDEX IF NOT EXISTS passes over it. */
  | {
      readonly event: 'invalid-index'
      readonly name: string
      readonly table: string
      readonly drop: string
      readonly isOlder?: true
    }
  /** DETACH PARTITION CONCURRENTLY was interrupted between its phases. */
  | {
      readonly event: 'pending-detach'
      readonly partition: string
      readonly parent: string
      readonly finalize: string
    }
  /** knex keeps in this table that a migration runs, and none does. */
  | { readonly event: 'knex-lock'; readonly table: string }
  /** Prisma has recorded that this migration failed, and runs none until that is resolved. */
  | { readonly event: 'prisma-failed'; readonly migration: string }
  /** The command failed without waiting, and a session holds an advisory lock; `tool` takes it so that only one migration runs. */
  | {
      readonly event: 'advisory-lock'
      readonly key: string
      readonly session: SessionReport
      readonly tool?: string
    }
  /** The schema has changed since the attempt began, and no migration tool has recorded it. */
  | { readonly event: 'committed'; readonly relations: readonly string[] }
  /** Only sessions of the command stood in each other's way. */
  | { readonly event: 'self-blocked'; readonly pid: number }
  /** Somebody terminated a session of the command. */
  | { readonly event: 'terminated-elsewhere'; readonly pid: number }
  | { readonly event: 'retry'; readonly number: number; readonly of: number; readonly pauseMillis: number }
  | { readonly event: 'gave-up'; readonly attempts: number }
  /** The command exited with 0 although the server had refused one of its statements. */
  | { readonly event: 'false-success'; readonly query?: string; readonly target: string }
  | { readonly event: 'not-started'; readonly reason: string }
  /** No session of the command was found: if it connected, it ran unprotected. `isFailed`: perhaps because of PGOPTIONS. */
  | { readonly event: 'unseen'; readonly target: string; readonly isFailed?: true }
  | { readonly event: 'lost'; readonly reason: string }
  | { readonly event: 'back' }

/**
 * Why it is not certain that a session is the command's.
 *
 * - `pooler`: a pooler is in between
 * - `elsewhere`: the command has connections, and none to the address that is looked at
 * - `ended-early`: the command ended before its connections could be seen
 */
export type SessionDoubt = 'pooler' | 'elsewhere' | 'ended-early'

/** Reports an event. One that takes a moment to be complete holds back those after it, and nothing else. */
export type Tell = (event: MigrateEvent | Promise<MigrateEvent>) => void
