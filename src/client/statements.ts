import type { Checkout } from '../core/checkout.ts'
import type { CheckoutEvents } from '../core/checkout-events.ts'
import { type CapturedStack, deepStack, shallowStack } from '../core/origin/origin.ts'
import { mayLeaveState } from '../core/session-state/may-leave-state.ts'
import type { ActiveTime } from '../core/time/active-time.ts'
import { opensTransaction, statementText } from '../sql/statement.ts'
import type { PgControl } from './control.ts'
import type { Client } from './types.ts'

/** An ORM's own first statements (its version query, BEGIN) have lost the user, too. */
const queriesCaptured = 4

/** What the statements of a pool's owners are to be asked. */
export interface StatementHost {
  /** Stacks taken at `connect()` do not reach the user's code here (an ORM is in between): those of queries may. */
  readonly capturesQueries: boolean
  /** The guard has been taken off the pool; checkouts made under it may still come back. */
  readonly unwatched: boolean
  /** Whether the client lies in the pool, so that nobody may use it. */
  isIdle(client: Client): boolean
}

/** Takes in the statements that owners send on one client. */
export class OwnerStatements {
  readonly #control: PgControl
  readonly #host: StatementHost
  readonly #events: CheckoutEvents
  readonly #time: ActiveTime
  #lateUseTold = false

  constructor(control: PgControl, host: StatementHost, events: CheckoutEvents, time: ActiveTime) {
    this.#control = control
    this.#host = host
    this.#events = events
    this.#time = time
  }

  /**
   * Answers a statement of somebody who has released the client. What a raw owner does when another one has the client
   * cannot be told.
   */
  meetLateUse(checkout: Checkout | undefined, released: Checkout | undefined): Error | undefined {
    const { unwatched } = this.#host
    if (this.#lateUseTold) return undefined
    if (checkout !== undefined)
      return checkout.phase === 'returning' && !unwatched
        ? this.#events.usedAfterRelease(checkout)
        : undefined
    if (released === undefined || unwatched || !this.#host.isIdle(this.#control.client)) return undefined
    return this.#events.usedAfterRelease(released)
  }

  /** Calls `send` for a late use that its handle has told of: the handle knows whose it is. */
  letPass<Result>(send: () => Result): Result {
    this.#lateUseTold = true
    try {
      return send()
    } finally {
      this.#lateUseTold = false
    }
  }

  /** Takes in a statement, and says how deep a stack is wanted for it: 0 for none. */
  note(checkout: Checkout, config: unknown): number {
    this.noteSending(checkout)
    const text = statementText(config)
    checkout.noteQuery(text)
    if (this.#host.capturesQueries && checkout.queryCount <= queriesCaptured) return deepStack
    if (text === undefined) return 0
    const { changes } = this.#control
    if (opensTransaction(text) || (changes !== undefined && mayLeaveState(text))) return shallowStack
    // Once something is left, what takes it back counts, too; where that was sent does not.
    if (changes?.touched === true) changes.sending(text, undefined, this.#isReady)
    return 0
  }

  noteStack(checkout: Checkout, stack: CapturedStack): void {
    const { lastQuery } = checkout
    const { session, changes } = this.#control
    if (lastQuery !== undefined) {
      if (opensTransaction(lastQuery)) session.sending(lastQuery, stack, this.#isReady)
      changes?.sending(lastQuery, stack, this.#isReady)
    }
    if (this.#host.capturesQueries && checkout.queryCount <= queriesCaptured) {
      checkout.queryStacks ??= []
      checkout.queryStacks.push(stack)
    }
  }

  /** A statement starts to run now, unless another one is running. */
  noteSending(checkout: Checkout | undefined): void {
    if (checkout !== undefined && this.#isReady) checkout.busySince = this.#time.now()
  }

  /** Nothing is in flight. */
  get #isReady(): boolean {
    return this.#control.client.readyForQuery !== false
  }
}
