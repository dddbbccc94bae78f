import type { Watchable } from '../../src/hosts/pool-source.ts'
import type { TestDatabase } from '../support/database.ts'

/** A transaction of a library's own, opened and left to whoever has it. */
export interface LibraryTransaction {
  run(sql: string): Promise<unknown>
  commit(): Promise<unknown>
  rollback(): Promise<unknown>
}

/** An ORM or query builder over a pool of its own, as one battery of tests sees it. */
export interface Library {
  readonly host: Watchable
  /** Called once, when the library is watched already. */
  start?(): Promise<unknown>
  /** The library's own way into a transaction that the caller ends. */
  begin(): Promise<LibraryTransaction>
  /** A statement outside of any transaction. */
  run(sql: string): Promise<unknown>
  /** The library's own way to run work in a transaction, with COMMIT and ROLLBACK. */
  transaction<Result>(work: (transaction: LibraryTransaction) => Promise<Result>): Promise<Result>
  close(): Promise<unknown>
}

export interface LibrarySetUp {
  readonly name: string
  /** The pool gives up after this many milliseconds where a test wants it to. */
  open(db: TestDatabase, options: { readonly max: number; readonly acquireMillis?: number }): Library
}
