import type { Checkout } from '../core/checkout.ts'
import type { CheckoutEvents } from '../core/checkout-events.ts'
import { type CapturedStack, deepStack, setStackDepth, shallowStack } from '../core/origin/origin.ts'
import { mayLeaveState } from '../core/session-state/may-leave-state.ts'
import type { ActiveTime } from '../core/time/active-time.ts'
import { opensTransaction, statementText } from '../sql/statement.ts'
import type { Control } from './control.ts'
import { Override } from './override.ts'
import type { Ownership } from './ownership.ts'
import { refuse } from './refusal.ts'
import type { StatementTagger } from './tag.ts'
import type { Client } from './types.ts'

/** An ORM's own first statements (its version query, BEGIN) have lost the user, too. */
const queriesCaptured = 4

/** What the statements of owners need of the pool. */
export interface StatementHost {
  /** Stacks taken at `connect()` do not reach the user's code here (an ORM is in between): those of queries may. */
  readonly capturesQueries: boolean
  /** The guard has been taken off the pool; checkouts made under it may still come back. */
  readonly unwatched: boolean
  /** Whether the client lies in the pool, so that nobody may use it. */
  isIdle(client: Client): boolean
  readonly tagged: StatementTagger
}

/** Meets the statements that owners, present and former, send on one client. */
export class OwnerStatements {
  readonly #control: Control
  readonly #ownership: Ownership
  readonly #host: StatementHost
  readonly #events: CheckoutEvents
  readonly #time: ActiveTime
  readonly #query: Override
  #isLateUseKnown = false

  constructor(
    control: Control,
    ownership: Ownership,
    host: StatementHost,
    events: CheckoutEvents,
    time: ActiveTime,
  ) {
    this.#control = control
    this.#ownership = ownership
    this.#host = host
    this.#events = events
    this.#time = time
    const statements = this
    this.#query = new Override(
      control.client,
      'query',
      (original) =>
        function (this: unknown, ...args: unknown[]) {
          const fence = control.raised
          // Nothing at all is a mistake that the driver itself answers.
          if (fence !== undefined && args[0] != null) return control.meetFence(fence, args)
          const { checkout } = ownership
          const refusal = statements.#meetLateUse(checkout)
          if (refusal !== undefined) return refuse(control.client, refusal, args)
          if (checkout === undefined) return Reflect.apply(original, this, args)
          const depth = statements.#note(checkout, args[0])
          if (depth > 0) {
            const before = setStackDepth(depth)
            const stack = new Error()
            setStackDepth(before)
            statements.#noteStack(checkout, stack)
          }
          return Reflect.apply(original, this, host.tagged(checkout, args))
        },
    )
  }

  /** Gives the client its own `query` back. */
  leave(): void {
    this.#query.restore()
  }

  /** Calls `send` for a late use that its handle has reported: the handle knows whose it is. */
  letPass<Result>(send: () => Result): Result {
    this.#isLateUseKnown = true
    try {
      return send()
    } finally {
      this.#isLateUseKnown = false
    }
  }

  /** A statement starts to run now, unless another one is running. */
  noteSending(checkout: Checkout | undefined): void {
    if (checkout !== undefined && this.#isReady) checkout.busySince = this.#time.now()
  }

  /**
   * Answers a statement of somebody who has released the client. What a former owner of the raw client sends when another
   * one has it cannot be told from that one's own.
   */
  #meetLateUse(checkout: Checkout | undefined): Error | undefined {
    if (this.#isLateUseKnown) return undefined
    if (checkout !== undefined) {
      const isReturning = checkout.phase === 'returning' && !this.#host.unwatched
      return isReturning ? this.#events.usedAfterRelease(checkout) : undefined
    }
    const { released } = this.#ownership
    if (released === undefined || this.#host.unwatched) return undefined
    return this.#host.isIdle(this.#control.client) ? this.#events.usedAfterRelease(released) : undefined
  }

  /** Takes in a statement. Returns how deep a stack is wanted for it: 0 for none. */
  #note(checkout: Checkout, config: unknown): number {
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

  #noteStack(checkout: Checkout, stack: CapturedStack): void {
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

  /** Nothing is in flight. */
  get #isReady(): boolean {
    return this.#control.client.readyForQuery !== false
  }
}
