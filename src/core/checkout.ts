import { presentQueryText, type QueryTextMode } from '../sql/redaction.ts'
import type { ClientControl } from './client-control.ts'
import { type CapturedStack, type Origin, originOf } from './origin/origin.ts'
import type { PoolRecord } from './pool-record.ts'
import type { Scope } from './scope.ts'
import type { ActiveTime } from './time/active-time.ts'
import type { SpanIds } from './trace.ts'
import type { TransactionStatus } from './transaction.ts'

/** The pool of a checkout. */
export type CheckoutPool = PoolRecord<Checkout>

/** How the client was asked for. */
export type Via = 'connect' | 'pool.query'

/**
 * `waiting` for a client, `out` with its owner, `returning` while a remedy holds its release, `destroyed` by a remedy
 * and not yet released by its owner, `over`.
 */
export type Phase = 'waiting' | 'out' | 'returning' | 'destroyed' | 'over'

/** The connection of a checked-out client has ended. */
export interface SessionEnd {
  readonly at: number
  /** What ended it, for a hint. */
  readonly how: string
  readonly byOwner: boolean
}

/** A release that was not, or may not have been, that of the owner: a former one of the same client has called it. */
export interface StaleRelease {
  readonly former: Checkout
  /** Where it was called; undefined if nobody can say that it was the former owner's. */
  readonly stack: CapturedStack | undefined
}

/**
 * One interval from acquire to release of a client, and before that the wait for it. Kept as small and as flat as
 * possible: one is made for each `connect()`, and nothing else.
 */
export class Checkout {
  readonly id: number
  readonly pool: CheckoutPool
  readonly via: Via
  readonly requestedAt: number
  /** True if the pool had no client to give when this one was asked for. */
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
  /** Where it waited, or sent its first statements: for where the stack of the acquire does not reach the user's code. */
  laterStacks: CapturedStack[] | undefined = undefined
  busyMillis = 0
  /** When the statement that is running, or ran last, was sent. */
  busySince = 0
  /** When the client last became ready: no statement has been running since, unless one is now. */
  idleSince = 0
  /** How long its transactions that are over were open with no statement running; undefined if it had none. */
  outsideBefore: number | undefined = undefined
  /** The reading of `now - busyMillis`, a clock that stands still in the database, at the start of the present transaction. */
  outsideSince: number | undefined = undefined
  sessionEnd: SessionEnd | undefined = undefined
  staleRelease: StaleRelease | undefined = undefined
  /** The comment that its statements are sent with, once it is complete. */
  tag: string | undefined = undefined
  exemption: string | undefined = undefined
  /** Gives a caller that waits an error in place of a client. Only where a remedy may ask for it. */
  reject: ((error: Error) => void) | undefined = undefined
  /** One bit per rule that has spoken: each speaks once per checkout. */
  reported = 0
  /** When a session that was rolled back and is still held will be destroyed. */
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
    return originOf(this.stack, ...(this.laterStacks ?? []), this.control?.transactionStack)
  }

  /** The owner sends a statement. */
  noteQuery(text: string | undefined): void {
    this.queryCount += 1
    this.lastQuery = text
    this.lastQueryFailed = false
  }

  /** The server has answered a statement. Returns when that was sent. */
  noteAnswer(now: number): number {
    const sentAt = this.busySince
    this.busyMillis += now - sentAt
    this.busySince = now
    this.idleSince = now
    return sentAt
  }

  /** Its transaction was opened, or has ended. */
  noteTransaction(change: 'opened' | 'ended', now: number): void {
    if (change === 'ended') this.outsideBefore = this.outsideMillis(now)
    this.outsideSince = change === 'opened' ? now - this.busyMillis : undefined
  }

  /** How long its transactions have been open with no statement running; undefined if it has had none. */
  outsideMillis(now: number): number | undefined {
    if (this.outsideSince === undefined) return this.outsideBefore
    return (this.outsideBefore ?? 0) + Math.max(0, now - this.busyMillis - this.outsideSince)
  }

  /** Drops everything that is needed only while the client is out; a released client keeps no request alive. */
  forget(): void {
    this.control = undefined
    this.lastQuery = undefined
    this.laterStacks = undefined
  }

  /** Nothing more is expected of a released client's owner. Its stack and its scope keep the caller's closures alive. */
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
  /** From the request to the client's arrival; still growing while it waits. */
  readonly waitedMillis: number
  readonly heldMillis: number
  readonly transaction: TransactionStatus
  /** How long the transaction has been open, 0 without one. */
  readonly transactionMillis: number
  /** How long no statement has been running, 0 while one is. */
  readonly idleMillis: number
  readonly queryCount: number
  /** How long the database was at work on statements of this checkout. */
  readonly busyMillis: number
  readonly lastQuery?: string
  /** Why it may be held for long, if it was exempted. */
  readonly exemption?: string
}

/** Describes a checkout as it stands now. */
export function checkoutData(checkout: Checkout, time: ActiveTime, queryText: QueryTextMode): CheckoutData {
  const now = time.now()
  const { control, pid } = checkout
  const waiting = checkout.phase === 'waiting'
  const transaction = control?.transaction ?? 'idle'
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
    transactionMillis:
      control === undefined || transaction === 'idle' ? 0 : span(control.transactionSince, now),
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
