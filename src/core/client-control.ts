import type { CapturedStack } from './origin/origin.ts'
import type { SessionChanges } from './session-state/changes.ts'
import type { SessionContents } from './session-state/contents.ts'
import type { TransactionStatus } from './transaction.ts'

/** The work of a client: none, a statement sent or queued, a portal held open (cursor, query stream), a COPY. */
export type Work = 'none' | 'query' | 'portal' | 'copy'

/** Meets the statements of an owner that has lost its transaction or its session. */
export interface Fence {
  /** A fresh error for each refused statement. */
  refusal(cause?: unknown): Error
  /** True if a plain ROLLBACK still goes through, which lifts the fence. */
  readonly admitsRollback: boolean
  /** Settles when the remedy is done with the client; a ROLLBACK of the owner waits for it. */
  readonly settled: Promise<unknown>
  /** Called when the owner's ROLLBACK has lifted the fence. */
  lifted(): void
}

/**
 * A client as rules and remedies see it. Adapters implement it; nothing here knows a driver.
 *
 * Times are readings of the lifeguard's active time.
 */
export interface ClientControl {
  /** The server's process id, where the driver knows it. Behind a pooler it is the pooler's invention. */
  readonly pid: number | undefined
  /** As of the last ReadyForQuery; a session that has ended has none. */
  readonly transaction: TransactionStatus
  readonly transactionSince: number
  /** It was open when its present owner got the client, and that one has sent no BEGIN. */
  readonly inherited: boolean
  /** Where the statement that opened the transaction was sent, if it was recognised. */
  readonly transactionStack: CapturedStack | undefined
  /** The effects of the owner's statements on the session. Undefined if they are not judged. */
  readonly changes: SessionChanges | undefined
  /** The session's state when it was last looked at. */
  contents: SessionContents | undefined
  /** The application sets its sessions up itself, so that RESET would not bring back what it wants. */
  readonly setUpByHost: boolean
  /** The driver closed or lost the connection: whatever was open on the server is gone. */
  readonly gone: boolean
  /** The driver's work right now. */
  work(): Work
  /** True if the server has answered everything that was sent, so that the transaction's state is known. */
  isReady(): boolean
  /** Resolves once the client is ready with nothing queued, or gone. */
  whenReady(): Promise<void>
  /** Sends a statement behind everything that is queued, past any fence. */
  run(statement: string): Promise<void>
  /** The same for a statement that yields one value, as text. */
  read(statement: string): Promise<string>
  /** As `run`, ahead of everything that waits in the client to be sent. */
  runFirst(statement: string): Promise<void>
  /**
   * Asks the server to cancel the running statement, on a connection of its own. Resolves when the server has
   * dealt with the request, so that it cannot hit a later statement once one more round trip has been made.
   */
  cancel(): Promise<void>
  /** From now on statements of the owner meet the fence. Those not yet sent are refused; the one in flight fails with the refusal. */
  fence(fence: Fence): void
  /** True if the statement that was in flight when the fence went up has failed. */
  readonly hasFailedAtFence: boolean
  /** Takes the fence down again: there was nothing to take away from the owner, who goes on. */
  lowerFence(): void
  /** Closes the session and gives its slot back to the pool at once. The owner's release becomes a no-op. */
  destroy(error: Error): void
}
