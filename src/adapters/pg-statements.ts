import type { ActiveTime } from '../core/active-time.ts'
import type { Checkout } from '../core/checkout.ts'
import { type CapturedStack, deepStack, shallowStack } from '../core/origin.ts'
import { mayLeaveState } from '../core/session-statement.ts'
import { opensTransaction, statementText } from '../core/statement.ts'
import type { PgControl } from './pg-control.ts'
import type { Client } from './pg-types.ts'

/** An ORM's own first statements (its version query, BEGIN) have lost the user, too. */
const queriesCaptured = 4

/** What the statements of a pool's owners are to be asked. */
export interface StatementHost {
  /** Stacks taken at `connect()` do not reach the user's code here (an ORM is in between): those of queries may. */
  readonly capturesQueries: boolean
}

/** Takes in the statements that owners send on one client. */
export class OwnerStatements {
  readonly #client: Client
  readonly #host: StatementHost
  readonly #control: PgControl
  readonly #time: ActiveTime

  constructor(client: Client, host: StatementHost, control: PgControl, time: ActiveTime) {
    this.#client = client
    this.#host = host
    this.#control = control
    this.#time = time
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
    if (changes?.touched === true) changes.sending(text, undefined)
    return 0
  }

  noteStack(checkout: Checkout, stack: CapturedStack): void {
    const { lastQuery } = checkout
    const { session, changes } = this.#control
    if (lastQuery !== undefined) {
      if (opensTransaction(lastQuery)) session.sending(lastQuery, stack, this.#client.readyForQuery !== false)
      changes?.sending(lastQuery, stack)
    }
    if (this.#host.capturesQueries && checkout.queryCount <= queriesCaptured) {
      checkout.queryStacks ??= []
      checkout.queryStacks.push(stack)
    }
  }

  /** A statement starts to run now, unless another one is running. */
  noteSending(checkout: Checkout | undefined): void {
    if (checkout !== undefined && this.#client.readyForQuery !== false) checkout.busySince = this.#time.now()
  }
}
