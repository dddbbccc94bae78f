import type { SignalResult } from '../../postgres/index.ts'
import type { PreparedReport, SessionReport } from '../report/session-report.ts'

/** Who stands at the very front. */
export interface FrontReport {
  readonly id: string
  readonly session?: SessionReport
  readonly prepared?: PreparedReport
  /** It belongs to the command itself. */
  readonly own?: true
}

/** What `migrate` tells while it runs. Durations are milliseconds. */
export type MigrateEvent =
  | {
      readonly event: 'started'
      readonly target: string
      readonly lockTimeoutMillis: number
      readonly retries: number
    }
  /** The pooler takes no options, or the user wants none handed on. */
  | { readonly event: 'without-options'; readonly reason: string; readonly isBlind: boolean }
  /** A session of the command waits for a lock: who is at the front, and who stands in between. */
  | {
      readonly event: 'waiting'
      readonly session: SessionReport
      readonly behind: readonly FrontReport[]
      readonly between: readonly number[]
      /** A pooler is in between, and may have lent the session to somebody else: nothing is done about it. */
      readonly unverified?: true
    }
  | { readonly event: 'granted'; readonly pid: number; readonly waitedMillis: number }
  | {
      readonly event: 'refused'
      readonly pid: number
      readonly waitedMillis: number
      readonly target: string
      readonly query?: string
    }
  /** The root was ended, because the policy allows it. */
  | { readonly event: 'freed'; readonly session: SessionReport; readonly result: SignalResult }
  /** A statement of the command was cancelled. */
  | {
      readonly event: 'cancelled'
      readonly pid: number
      readonly why: 'readers' | 'lock-timeout' | 'left-behind'
      /** How many sessions waited behind it. */
      readonly behind: number
      readonly result: SignalResult
    }
  /** Sessions wait behind the command, and there is no statement that could be cancelled. */
  | { readonly event: 'holds'; readonly pid: number; readonly behind: number }
  /** It goes on after the command has ended, and was not cancelled: it runs no statement, or that failed. */
  | { readonly event: 'left-open'; readonly session: SessionReport; readonly unverified?: true }
  | { readonly event: 'invalid-index'; readonly name: string; readonly table: string; readonly drop: string }
  | { readonly event: 'retry'; readonly number: number; readonly of: number; readonly pauseMillis: number }
  | { readonly event: 'gave-up'; readonly attempts: number }
  /** The command said that all is well, and the server had refused one of its statements. */
  | { readonly event: 'false-success'; readonly query?: string; readonly target: string }
  | { readonly event: 'not-started'; readonly reason: string }
  /** No session of the command has been found: nothing of this worked. */
  | { readonly event: 'unseen'; readonly target: string }
  | { readonly event: 'lost'; readonly reason: string }
  | { readonly event: 'back' }

export type Tell = (event: MigrateEvent) => void
