import type { Checkout, Via } from '../core/checkout.ts'
import type { CheckoutEvents } from '../core/checkout-events.ts'
import type { Ledger } from '../core/ledger.ts'
import {
  type CapturedStack,
  captureStack,
  deepStack,
  setStackDepth,
  shallowStack,
} from '../core/origin/origin.ts'
import { excludeInBundle } from '../core/origin/own-code.ts'
import type { PoolStacks } from '../core/origin/pool-stacks.ts'
import type { Scope } from '../core/scope.ts'
import { statementText } from '../sql/statement.ts'
import type { Control } from './control.ts'
import { ListenerFlow } from './listener-flow.ts'
import { Override } from './override.ts'
import type { Ownership } from './ownership.ts'
import { refuse } from './refusal.ts'
import type { StatementTexts } from './statement-texts.ts'
import type { StatementTagger } from './tag.ts'
import { type Client, type Method, sentFrom } from './types.ts'
import { newestQuery } from './work.ts'

/** Of an owner that has got its client past the guard. */
const queriesCaptured = 4

/** The parts of the pool that the owners' statements need. */
export interface StatementHost {
  readonly stacks: PoolStacks
  readonly texts: StatementTexts
  /** True after `unwatch`; clients that were checked out before may still be released. */
  readonly unwatched: boolean
  /** Whether the client is idle in the pool, so that nobody may use it. */
  isIdle(client: Client): boolean
  readonly tagged: StatementTagger | undefined
  /** Opens a checkout for an owner that got the client past the guard. */
  adopt(via: Via, stack: CapturedStack, scope: Scope | undefined): void
  /** A listener of the pool has sent a statement after it had returned. */
  sentByListener(): void
}

/** Whether a statement of `pool.query` may leave a transaction open or a client unreleased: its line is needed then. */
export function leavesSomething(texts: StatementTexts, config: unknown): boolean {
  if (typeof config === 'object' && config !== null && 'submit' in config) return true
  const text = statementText(config)
  if (text === undefined) return false
  const { opens, mayLeave } = texts.traitsOf(text)
  return opens || mayLeave
}

/** Handles the statements that present and former owners send on one client. */
export class OwnerStatements {
  readonly #control: Control
  readonly #ownership: Ownership
  readonly #host: StatementHost
  readonly #events: CheckoutEvents
  readonly #ledger: Ledger
  readonly #query: Override
  #isLateUseKnown = false
  /** The stack of the present statement has to show the line of its checkout. */
  #showsLine = false

  constructor(
    control: Control,
    ownership: Ownership,
    host: StatementHost,
    events: CheckoutEvents,
    ledger: Ledger,
  ) {
    this.#control = control
    this.#ownership = ownership
    this.#host = host
    this.#events = events
    this.#ledger = ledger
    this.#query = new Override(control.client, 'query', (original) => this.#queryFor(original))
  }

  #queryFor(original: Method): Method {
    const statements = this
    // As small as possible: V8 decodes all variables of each function that a stack begins with.
    return function (...args) {
      if (statements.#isPassing()) return Reflect.apply(original, this, args)
      const depth = statements.#stackDepth(args[0])
      if (depth === 0) return statements.#send(original, this, args, undefined)
      const before = setStackDepth(depth)
      const stack = new Error()
      setStackDepth(before)
      return statements.#send(original, this, args, stack)
    }
  }

  /** Whether the next statement is that of `pool.query` which is known already. A method: V8 calls private getters slowly. */
  #isPassing(): boolean {
    const { isPassing, checkout, passingCaller, isUnclaimed, hasListeners } = this.#ownership
    if (!isPassing || checkout !== undefined || passingCaller !== undefined) return false
    return !isUnclaimed && !hasListeners && this.#control.raised === undefined
  }

  /** The depth of the stack to capture for a statement, 0 for none. */
  #stackDepth(config: unknown): number {
    this.#showsLine = false
    const ownership = this.#ownership
    const { checkout } = ownership
    if (ownership.isUnclaimed || ownership.passingCaller !== undefined) return deepStack
    if (checkout === undefined || sentFrom(config) !== undefined) return 0
    if (this.#wantsStackOf(checkout, checkout.queryCount)) return deepStack
    const text = statementText(config)
    if (text === undefined) return 0
    const { stacks, texts } = this.#host
    const { opens, mayLeave, isNew } = texts.traitsOf(text)
    if (isNew && stacks.lackLine(checkout.stack, checkout.laterStacks)) {
      this.#showsLine = true
      return deepStack
    }
    const depth = opens ? stacks.openerDepth(checkout.stack, checkout.queryCount) : 0
    if (depth > 0 || !mayLeave || this.#control.changes === undefined) return depth
    return stacks.loseUser(checkout.stack) ? deepStack : shallowStack
  }

  #send(
    original: Method,
    self: unknown,
    args: readonly unknown[],
    stack: CapturedStack | undefined,
  ): unknown {
    const control = this.#control
    const ownership = this.#ownership
    if (ownership.hasListeners) {
      const flow = this.#listenerFlow()
      if (flow !== undefined) return this.#sendOfListener(flow, original, self, args)
    }
    const config = args[0]
    const fence = control.raised
    // The driver itself rejects a call without a statement.
    if (fence !== undefined && config != null) return control.meetFence(fence, args)
    if (ownership.isUnclaimed || ownership.passingCaller !== undefined)
      this.#adopt(stack ?? captureStack(), config)
    const { checkout } = ownership
    const refusal = this.#meetLateUse(checkout)
    if (refusal !== undefined) return refuse(control.client, refusal, args)
    if (checkout === undefined) return Reflect.apply(original, self, args)
    this.#note(checkout, config, sentFrom(config) ?? stack)
    const { tagged } = this.#host
    if (tagged !== undefined) return Reflect.apply(original, self, tagged(checkout, args))
    return args.length === 1 ? original.call(self, config) : Reflect.apply(original, self, args)
  }

  /** Restores the client's own `query`. */
  leave(): void {
    this.#query.restore()
  }

  /** Calls `send` for a late use that its handle has already reported. */
  letPass<Result>(send: () => Result): Result {
    this.#isLateUseKnown = true
    try {
      return send()
    } finally {
      this.#isLateUseKnown = false
    }
  }

  /** Calls listeners of the pool with the client: statements that they send, now or later, belong to no owner. */
  runListeners<Result>(call: () => Result): Result {
    this.#ownership.hasListeners = true
    const flow = new ListenerFlow(this.#control.client)
    try {
      return this.#ledger.context.run(flow, call)
    } finally {
      flow.isCalling = false
    }
  }

  /** Records that a statement starts to run, unless another one is running. */
  noteSending(checkout: Checkout | undefined): void {
    if (checkout !== undefined && this.#isReady()) checkout.busySince = this.#ledger.time.now()
  }

  #listenerFlow(): ListenerFlow | undefined {
    const current = this.#ledger.context.current()
    return current instanceof ListenerFlow && current.client === this.#control.client ? current : undefined
  }

  /** Sends a statement of a listener, to which neither a fence nor a release applies. */
  #sendOfListener(flow: ListenerFlow, original: Method, self: unknown, args: readonly unknown[]): unknown {
    const { client, raised, gone } = this.#control
    if (!flow.isCalling) this.#host.sentByListener()
    // Without a remedy the session would still be open, and the statement would not fail.
    if (raised !== undefined && gone) return refuse(client, raised.refusal(), args)
    const { context } = this.#ledger
    const inFlow = args.map((arg) =>
      typeof arg === 'function' ? (...given: unknown[]) => context.run(flow, () => arg(...given)) : arg,
    )
    const before = newestQuery(client)
    const sent = Reflect.apply(original, self, inFlow)
    const query = newestQuery(client)
    if (query !== undefined && query !== before) this.#ownership.addForeign(query)
    return sent
  }

  /** A client was handed out without a checkout: its first statement decides whether to open one. */
  #adopt(stack: CapturedStack, config: unknown): void {
    const ownership = this.#ownership
    const { passingCaller } = ownership
    if (passingCaller !== undefined) {
      ownership.passingCaller = undefined
      if (leavesSomething(this.#host.texts, config))
        this.#host.adopt('pool.query', passingCaller.stack, passingCaller.scope)
      return
    }
    if (this.#host.isIdle(this.#control.client)) ownership.isUnclaimed = false
    else this.#host.adopt('connect', stack, this.#ledger.currentScope())
  }

  /**
   * Answers a statement sent after the release of the client. On a raw client that has a new owner, the statements of a
   * former owner cannot be distinguished from those of the new one.
   */
  #meetLateUse(checkout: Checkout | undefined): Error | undefined {
    if (this.#isLateUseKnown) return undefined
    if (checkout !== undefined) {
      const isReturning = checkout.phase === 'returning' && !this.#host.unwatched
      return isReturning ? this.#events.usedAfterRelease(checkout) : undefined
    }
    const { released, isPassing } = this.#ownership
    if (released === undefined || isPassing || this.#host.unwatched) return undefined
    return this.#host.isIdle(this.#control.client) ? this.#events.usedAfterRelease(released) : undefined
  }

  /** Records a statement, and its stack if one was captured. */
  #note(checkout: Checkout, config: unknown, stack: CapturedStack | undefined): void {
    this.noteSending(checkout)
    const text = statementText(config)
    const isWanted =
      stack !== undefined && (this.#showsLine || this.#wantsStackOf(checkout, checkout.queryCount))
    checkout.noteQuery(text)
    if (text !== undefined) {
      const { session, changes } = this.#control
      const { opens, mayLeave } = this.#host.texts.traitsOf(text)
      if (opens) {
        session.sending(text, stack ?? 'not recorded', this.#isReady())
        if (stack !== undefined) this.#host.stacks.sawOpener(stack, checkout.stack)
      }
      // Once something is left, statements that undo it are recorded, too; their line is not needed.
      if (mayLeave || changes?.touched === true) changes?.sending(text, stack, this.#isReady())
    }
    if (!isWanted) return
    checkout.laterStacks ??= []
    checkout.laterStacks.push(stack)
    if (checkout.scope !== undefined || !this.#ownership.isAdopted) return
    checkout.scope = this.#ledger.currentScope()
    checkout.judgeSoon()
  }

  /** Whether its first statements may be the only source of a line. `sent` is the number of those before this one. */
  #wantsStackOf(checkout: Checkout, sent: number): boolean {
    const { stacks } = this.#host
    const isUnknown = this.#ownership.isAdopted && checkout.stack === undefined
    if (stacks.loseUser(checkout.stack) && !isUnknown) return stacks.wantStatement(sent)
    return sent < queriesCaptured && (isUnknown || checkout.laterStacks !== undefined)
  }

  /** Whether nothing is in flight. */
  #isReady(): boolean {
    return this.#control.client.readyForQuery !== false
  }
}

excludeInBundle(OwnerStatements)
