import type { SignalResult } from '../../postgres/index.ts'
import type { PreparedReport, SessionReport } from '../../postgres/report/session-report.ts'

/** A root: a session or prepared transaction that waits for nothing. */
export interface FrontReport {
  readonly id: string
  readonly session?: SessionReport
  readonly prepared?: PreparedReport
  /** Set for one of the command's own sessions. */
  readonly own?: true
}

/** The events that `migrate` reports. Durations are milliseconds. */
export type MigrateEvent =
  | {
      readonly event: 'started'
      readonly target: string
      readonly lockTimeoutMillis: number
      readonly retries: number
    }
  /** A pooler refuses PGOPTIONS, or an option forbids it. `isBlind`: pg-lifeguard does not cancel statements either. */
  | { readonly event: 'without-options'; readonly reason: string; readonly isBlind: boolean }
  /** A session of the command waits for a lock: `behind` has the roots, `between` the sessions between the two. */
  | {
      readonly event: 'waiting'
      readonly session: SessionReport
      readonly behind: readonly FrontReport[]
      readonly between: readonly number[]
      /** It and its blockers wait for each other: the server ends one of them. */
      readonly deadlock?: true
      /**
       * No session queues behind the wait, but the lock timeout would end it: CONCURRENTLY waits for older
       * transactions.
       */
      readonly nobodyQueues?: true
      /** The session may serve another client by now, and is left alone. */
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
  /** `--free` would end the root, but it is spared. */
  | { readonly event: 'spared'; readonly session: SessionReport; readonly reason: string }
  /** A statement of the command was cancelled. */
  | {
      readonly event: 'cancelled'
      readonly pid: number
      readonly why: 'readers' | 'lock-timeout' | 'left-behind'
      /** The number of sessions that waited behind it. */
      readonly behind: number
      readonly result: SignalResult
    }
  /** Sessions wait behind the command, which is running no statement that could be cancelled. */
  | { readonly event: 'holds'; readonly pid: number; readonly behind: number }
  /** A session is still open after the command has ended: it runs no statement, or could not be cancelled. */
  | {
      readonly event: 'left-open'
      readonly session: SessionReport
      readonly unverified?: true
      readonly doubt?: SessionDoubt
    }
  /** `isOlder`: it existed before the command, and CREATE INDEX IF NOT EXISTS does not rebuild it. */
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
  /** knex has recorded in this table that a migration is running, but none is. */
  | { readonly event: 'knex-lock'; readonly table: string }
  /** Prisma has recorded that this migration failed, and runs no migration until that is resolved. */
  | { readonly event: 'prisma-failed'; readonly migration: string }
  /**
   * The command failed without waiting, and a session holds an advisory lock, perhaps that of the migration tool
   * `tool`.
   */
  | {
      readonly event: 'advisory-lock'
      readonly key: string
      readonly session: SessionReport
      readonly tool?: string
    }
  /** The schema has changed since the attempt began, and no migration tool has recorded it. */
  | { readonly event: 'committed'; readonly relations: readonly string[] }
  /** Only sessions of the command blocked each other. */
  | { readonly event: 'self-blocked'; readonly pid: number }
  /** A session of the command was terminated from outside. */
  | { readonly event: 'terminated-elsewhere'; readonly pid: number }
  | { readonly event: 'retry'; readonly number: number; readonly of: number; readonly pauseMillis: number }
  | { readonly event: 'gave-up'; readonly attempts: number }
  /** The command exited with 0, but the server had refused one of its statements. */
  | { readonly event: 'false-success'; readonly query?: string; readonly target: string }
  | { readonly event: 'not-started'; readonly reason: string }
  /** No session of the command was found: if it connected, it ran unprotected. `isFailed`: PGOPTIONS may be the cause. */
  | { readonly event: 'unseen'; readonly target: string; readonly isFailed?: true }
  | { readonly event: 'lost'; readonly reason: string }
  | { readonly event: 'back' }

/**
 * The reason why it is not certain that a session is the command's.
 *
 * - `pooler`: the command connects through a pooler
 * - `elsewhere`: the command has connections, but none to the address of the watched server
 * - `ended-early`: the command ended before its connections could be seen
 */
export type SessionDoubt = 'pooler' | 'elsewhere' | 'ended-early'

/** Reports an event. One that takes a moment to complete delays only the events after it. */
export type Emit = (event: MigrateEvent | Promise<MigrateEvent>) => void
