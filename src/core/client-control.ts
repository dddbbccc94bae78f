import type { CapturedStack } from './origin/origin.ts'
import type { SessionChanges } from './session-state/changes.ts'
import type { SessionContents } from './session-state/contents.ts'
import type { TransactionStatus } from './transaction.ts'

/** The work of a client: none, a statement sent or queued, an open portal (cursor, query stream), a COPY. */
export type Work = 'none' | 'query' | 'portal' | 'copy'

/** The stack of a statement that opens a transaction, if the line of its checkout does not say its line. */
export type OpenerStack = CapturedStack | 'not recorded'

/** Rejects the statements of an owner that has lost its transaction or its session. */
export interface Fence {
  /** A fresh error for each refused statement. */
  refusal(cause?: unknown): Error
  /** True if a plain ROLLBACK is still sent, and lifts the fence. */
  readonly admitsRollback: boolean
  /** Settles when the remedy has finished; a ROLLBACK of the owner waits for it. */
  readonly settled: Promise<unknown>
  /** Called when the owner's ROLLBACK has lifted the fence. */
  lifted(): void
}

/**
 * A client as rules and remedies see it, independent of the driver.
 *
 * Times are readings of the lifeguard's active time.
 */
export interface ClientControl {
  /** Its client is not exposed: the state of its transaction is unknown, and it has no remedies. */
  readonly isObserved?: boolean
  /** The server's process id, if the driver knows it. Behind a pooler it is an arbitrary number. */
  readonly pid: number | undefined
  /** The state at the last ReadyForQuery; `idle` for a session that has ended. */
  readonly transaction: TransactionStatus
  readonly transactionSince: number
  /** The transaction was open when the present owner got the client, and this owner has not sent BEGIN. */
  readonly inherited: boolean
  /** The stack of the statement that opened the transaction; undefined if that was not recognised. */
  readonly transactionStack: OpenerStack | undefined
  /** The effects of the owner's statements on the session; undefined if session state is not judged. */
  readonly changes: SessionChanges | undefined
  /** The session's state at the last look. */
  contents: SessionContents | undefined
  /** The application sets up its sessions itself: RESET would not restore its settings. */
  readonly setUpByHost: boolean
  /** The driver has closed or lost the connection: an open transaction has ended. */
  readonly gone: boolean
  /** The present work of the driver. */
  work(): Work
  /** True if the server has answered all statements, so that the transaction's state is known. */
  isReady(): boolean
  /** Resolves when the client is ready with nothing queued, or gone. */
  whenReady(): Promise<void>
  /** Sends a statement behind all queued ones, past any fence. */
  run(statement: string): Promise<void>
  /** Sends a statement like `run`, and returns its one value as text. */
  read(statement: string): Promise<string>
  /** Sends a statement before all that are queued in the client, past any fence. */
  runFirst(statement: string): Promise<void>
  /**
   * Asks the server to cancel the running statement, on a separate connection. Resolves when the server has processed
   * the request: after one more round trip it cannot hit a later statement.
   */
  cancel(): Promise<void>
  /** Raises a fence for the owner's statements. Queued ones are refused; the one in flight fails with the refusal. */
  fence(fence: Fence): void
  /** True if the statement that was in flight when the fence was raised has failed. */
  readonly hasFailedAtFence: boolean
  /** Lifts the fence, because there was nothing to roll back, and the owner continues. */
  lowerFence(): void
  /** Closes the session and frees its slot in the pool at once. The owner's release becomes a no-op. */
  destroy(error: Error): void
}
