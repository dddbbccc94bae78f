import type { Watchable } from '../../src/hosts/pool-source.ts'
import type { Lifeguard } from '../../src/index.ts'
import type { TestDatabase } from '../support/database.ts'

/** A transaction of a library's own, opened and left to whoever has it. */
export interface LibraryTransaction {
  run(sql: string): Promise<unknown>
  commit(): Promise<unknown>
  rollback(): Promise<unknown>
  /** The library's own way to run work in a savepoint, where it has one. */
  savepoint?(work: (nested: { run(sql: string): Promise<unknown> }) => Promise<unknown>): Promise<unknown>
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
  /** Acquires a session without a transaction, where the library can. Resolves to its release. */
  hold?(): Promise<() => unknown>
  /** Reads the rows of a query one after the other, where the library can; outside of any transaction. */
  stream?(sql: string): AsyncIterable<unknown>
  /** Ends the library and starts it again, where it can. */
  restart?(): Promise<unknown>
  close(): Promise<unknown>
}

/** What every library owes its users under guard, in the order of the documentation. */
export const facts = {
  'leaked transaction': 'a transaction that a request never ends is found at its line, in its scope',
  'held session': 'a session that is never released is found at its line',
  'dirty release': 'a BEGIN that is released is found at its line, and rolled back before the next owner',
  'swallowed error': 'an error that is swallowed in the middle of a transaction is found at its line',
  'nested transaction': 'a pool of one that is asked again inside a transaction is found, with both lines',
  'nested statement': 'a statement past the transaction that holds the only client is found, with both lines',
  deadlock: 'a pool that waits for itself is freed by an error of the library, which carries ours',
  exhaustion: "the library's own time-out names the holders",
  scopes: 'each of 20 requests at once is in its own scope, at its line',
  'full pool': 'in enforce, a full pool of leaks answers 20 of 20 requests',
  'forced rollback': 'a forced rollback reaches the owner as an error, nothing stays, and the pool works on',
  destroy: 'a destroyed session frees its slot, closes on the server, and reaches its owner as an error',
  restart: 'after a restart the library is still watched',
  'correct use': 'correct use gives no finding, in both modes, with both kinds of handles',
  savepoints: 'savepoints that are kept and rolled back give no finding',
  streams: 'streams that are read to the end, left early and failed give no finding',
  unwatch: 'after unwatch the library works on unguarded',
} as const

export type Fact = keyof typeof facts

/** A fact that does not hold under a library, and why. The battery fails where it holds after all. */
export interface Exception {
  readonly fact: Fact
  /** One sentence for users; a page of the documentation lists it. */
  readonly reason: string
}

export interface OpenOptions {
  readonly max: number
  /** The pool gives up after this many milliseconds where a test wants it to. */
  readonly acquireMillis?: number
  /** For a library that is told of it when it is opened. */
  readonly lifeguard: Lifeguard
}

export interface LibrarySetUp {
  readonly name: string
  /** The version that the set-up runs. */
  readonly version: string
  readonly exceptions?: readonly Exception[]
  open(db: TestDatabase, options: OpenOptions): Library | Promise<Library>
}
