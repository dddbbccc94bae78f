import { presentQueryText, type QueryTextMode } from '../sql/redaction.ts'
import type { Listed } from './checkout-list.ts'
import type { ClientControl } from './client-control.ts'
import { type CapturedStack, type Origin, originOf } from './origin/origin.ts'
import type { PoolRecord } from './pool-record.ts'
import type { Scope } from './scope.ts'
import type { ActiveTime } from './time/active-time.ts'
import type { SpanIds } from './trace.ts'
import { isInTransaction, type TransactionStatus } from './transaction.ts'

/** The pool of a checkout. */
export type CheckoutPool = PoolRecord<Checkout>

/** The method of the pool that asked for the client. */
export type Via = 'connect' | 'pool.query'

/**
 * `waiting` for a client, `out` with its owner, `returning` while a remedy delays its release, `destroyed` by a remedy
 * and not yet released by its owner, `over`.
 */
export type Phase = 'waiting' | 'out' | 'returning' | 'destroyed' | 'over'

/** The connection of a checked-out client has ended. */
export interface SessionEnd {
  readonly at: number
  /** The cause, for a hint. */
  readonly how: string
  readonly byOwner: boolean
}

/** A release that a former owner of the same client has called, or may have called. */
export interface StaleRelease {
  readonly former: Checkout
  /** The stack of the call; undefined if it is not certain that the former owner called it. */
  readonly stack: CapturedStack | undefined
}

/**
 * One interval from acquire to release of a client, and the wait before it. As small and flat as possible, because it
 * is the only object that each `connect()` allocates.
 */
export class Checkout implements Listed {
  place = -1
  readonly id: number
  readonly pool: CheckoutPool
  readonly via: Via
  readonly requestedAt: number
  /** True if the pool had no free client when this one was requested. */
  readonly queued: boolean
  stack: CapturedStack | undefined
  /** The unit of work that asked for the client. */
  scope: Scope | undefined
  /** The span that was active when the client was asked for. */
  span: SpanIds | undefined = undefined
  phase: Phase = 'waiting'
  control: ClientControl | undefined = undefined
  pid: number | undefined = undefined
  acquiredAt = 0
  queryCount = 0
  lastQuery: string | undefined = undefined
  lastQueryFailed = false
  /** Stacks of its wait and its first statements, for when that of the acquire does not reach the user's code. */
  laterStacks: CapturedStack[] | undefined = undefined
  busyMillis = 0
  /** The time at which the running or last statement was sent. */
  busySince = 0
  /** The time at which the client last became ready; meaningless while a statement is running. */
  idleSince = 0
  /** The time that its finished transactions were open with no statement running; undefined if it had none. */
  outsideBefore: number | undefined = undefined
  /** The value of `now - busyMillis`, a clock that stops while a statement runs, at the start of the transaction. */
  outsideSince: number | undefined = undefined
  sessionEnd: SessionEnd | undefined = undefined
  staleRelease: StaleRelease | undefined = undefined
  /** The comment that tags its statements, once it is complete. */
  tag: string | undefined = undefined
  exemption: string | undefined = undefined
  /** Answers a waiting caller with an error in place of a client. Set only if a remedy may use it. */
  reject: ((error: Error) => void) | undefined = undefined
  /** One bit per rule that has reported: each reports once per checkout. */
  reported = 0
  /** The time at which a session that was rolled back and not released will be destroyed. */
  destroyAt = Number.POSITIVE_INFINITY

  constructor(
    id: number,
    pool: CheckoutPool,
    via: Via,
    requestedAt: number,
    queued: boolean,
    stack: CapturedStack | undefined,
    scope: Scope | undefined,
  ) {
    this.id = id
    this.pool = pool
    this.via = via
    this.requestedAt = requestedAt
    this.queued = queued
    this.stack = stack
    this.scope = scope
  }

  get origin(): Origin | undefined {
    const origin = originOf(this.stack)
    if (origin !== undefined) return origin
    if (this.stack !== undefined) this.pool.stacks?.raise(this.stack)
    const begun = this.control?.transactionStack
    return originOf(...(this.laterStacks ?? []), begun === 'not recorded' ? undefined : begun)
  }

  /** The line of the statement that opened its transaction, if one is open and the statement was recognised. */
  get transactionOrigin(): Origin | undefined {
    const begun = this.control?.transactionStack
    return begun === 'not recorded' ? this.pool.stacks?.usualOpener(this.stack) : originOf(begun)
  }

  /** Records that the owner sends a statement. */
  noteQuery(text: string | undefined): void {
    this.queryCount += 1
    this.lastQuery = text
    this.lastQueryFailed = false
  }

  /** Records the answer to a statement. Returns the time at which the statement was sent. */
  noteAnswer(now: number): number {
    const sentAt = this.busySince
    this.busyMillis += now - sentAt
    this.busySince = now
    this.idleSince = now
    return sentAt
  }

  /** Records the start or the end of its transaction. */
  noteTransaction(change: 'opened' | 'ended', now: number): void {
    if (change === 'ended') this.outsideBefore = this.outsideMillis(now)
    this.outsideSince = change === 'opened' ? now - this.busyMillis : undefined
    if (change === 'opened') this.judgeSoon()
  }

  /**
   * The next sweep judges it: something has happened that a rule may report sooner than was known, or may report again.
   */
  judgeSoon(): void {
    this.pool.out.setDue(this, Number.NEGATIVE_INFINITY)
  }

  /** The time that its transactions have been open with no statement running; undefined if it has had none. */
  outsideMillis(now: number): number | undefined {
    if (this.outsideSince === undefined) return this.outsideBefore
    return (this.outsideBefore ?? 0) + Math.max(0, now - this.busyMillis - this.outsideSince)
  }

  /** Drops everything that is needed only until the release, so that a released client keeps no request in memory. */
  forget(): void {
    // Stacks of a wait come first, and reach the user more often than those of statements.
    if (this.laterStacks !== undefined && !this.queued)
      this.pool.stacks?.sawStatements(this.stack, this.laterStacks)
    this.control = undefined
    this.lastQuery = undefined
    this.laterStacks = undefined
  }

  /** Drops the stack and the scope, which keep the caller's closures in memory, when no late call is expected. */
  forgetSource(): void {
    this.stack = undefined
    this.scope = undefined
    this.staleRelease = undefined
  }
}

/** A checkout as plain data. Times are milliseconds since 1970, durations milliseconds. */
export interface CheckoutData {
  readonly id: number
  readonly via: Via
  readonly phase: Phase
  /** The server's process id. */
  readonly pid?: number
  readonly requestedAt: number
  readonly acquiredAt?: number
  /** The time from the request to the client's arrival, or until now. */
  readonly waitedMillis: number
  readonly heldMillis: number
  /** `unknown` where the pool does not expose its clients. */
  readonly transaction: TransactionStatus | 'unknown'
  /** The age of the open transaction; 0 without one. */
  readonly transactionMillis: number
  /** The time since the last statement was answered; 0 while one is running. */
  readonly idleMillis: number
  readonly queryCount: number
  /** The total time that statements of this checkout were running. */
  readonly busyMillis: number
  readonly lastQuery?: string
  /** The reason of its exemption, if it is exempted. */
  readonly exemption?: string
}

/** The present state of a checkout as plain data. */
export function checkoutData(checkout: Checkout, time: ActiveTime, queryText: QueryTextMode): CheckoutData {
  const now = time.now()
  const { control, pid } = checkout
  const waiting = checkout.phase === 'waiting'
  const transaction = control?.isObserved === true ? 'unknown' : (control?.transaction ?? 'idle')
  const working = control !== undefined && (control.work() !== 'none' || !control.isReady())
  const lastQuery = presentQueryText(checkout.lastQuery, queryText)
  return {
    id: checkout.id,
    via: checkout.via,
    phase: checkout.phase,
    ...(pid === undefined ? {} : { pid }),
    requestedAt: time.epochMillis(checkout.requestedAt),
    ...(waiting ? {} : { acquiredAt: time.epochMillis(checkout.acquiredAt) }),
    waitedMillis: span(checkout.requestedAt, waiting ? now : checkout.acquiredAt),
    heldMillis: waiting ? 0 : span(checkout.acquiredAt, now),
    transaction,
    transactionMillis: isInTransaction(transaction) && control ? span(control.transactionSince, now) : 0,
    idleMillis: waiting || working ? 0 : span(checkout.idleSince, now),
    queryCount: checkout.queryCount,
    busyMillis: Math.round(checkout.busyMillis + (working ? Math.max(0, now - checkout.busySince) : 0)),
    ...(lastQuery === undefined ? {} : { lastQuery }),
    ...(checkout.exemption === undefined ? {} : { exemption: checkout.exemption }),
  }
}

function span(from: number, to: number): number {
  return Math.max(0, Math.round(to - from))
}
