import type { QueryTextMode } from '../sql/redaction.ts'
import { describeMillis } from '../text/duration.ts'
import { Checkout, type CheckoutPool, type Via } from './checkout.ts'
import type { ClientControl } from './client-control.ts'
import { type ExemptRule, exemptionBy } from './exemptions.ts'
import type { FindingKind } from './findings/finding.ts'
import type { FindingRecord } from './findings/finding-record.ts'
import { Findings } from './findings/findings.ts'
import { type CapturedStack, isShort } from './origin/origin.ts'
import { Scope, type ScopeContext } from './scope.ts'
import { ScopeBooks } from './scope-books.ts'
import { joinMeters, type Meter } from './statistics/meter.ts'
import type { ActiveTime } from './time/active-time.ts'
import type { Clock } from './time/clock.ts'
import type { FlightObserver } from './timeline/flight-observer.ts'
import type { SpanIds } from './trace.ts'

/** The number of destroyed sessions that keep their findings open for an owner that may still release them. */
const mostDestroyed = 200

/** Findings that are opened by a release, and outlast it. */
const afterRelease: ReadonlySet<FindingKind> = new Set(['dirty-release', 'busy-release'])

export interface LedgerEvents {
  /** A caller asks for a client. Called for each checkout: it must be cheap. */
  requested(): void
  resolved(record: FindingRecord): void
}

/** The record of checkouts, waiting callers and their findings. It judges nothing. */
export class Ledger {
  readonly pools = new Set<CheckoutPool>()
  readonly clock: Clock
  readonly time: ActiveTime
  readonly context: ScopeContext
  readonly queryText: QueryTextMode
  readonly scopeBooks = new ScopeBooks()
  readonly findings: Findings
  /** Clients that are held for long by design. */
  exempt: readonly ExemptRule[] = []
  /** Counts and times events; undefined, and free, unless something asks for it. */
  meter: Meter | undefined = undefined
  /** Records the timeline; undefined, and free, unless something asks for it. */
  recorder: FlightObserver | undefined = undefined
  /** Returns the active span; undefined unless traces are followed. */
  activeSpan: (() => SpanIds | undefined) | undefined = undefined
  /** A leak check inspects what is left: its reports show all callers of a line, whatever that costs. */
  isInspected = false
  /** Called for each finding when it is opened, before any remedy. */
  opened: ((record: FindingRecord) => void) | undefined = undefined
  readonly #meters = new Set<Meter>()
  readonly #events: LedgerEvents
  readonly #destroyed = new Set<Checkout>()
  #checkouts = 0

  constructor(
    clock: Clock,
    time: ActiveTime,
    context: ScopeContext,
    queryText: QueryTextMode,
    events: LedgerEvents,
  ) {
    this.clock = clock
    this.time = time
    this.context = context
    this.queryText = queryText
    this.#events = events
    this.findings = new Findings(time, queryText, {
      opened: (record) => this.#noteFinding(record),
      resolved: (record) => events.resolved(record),
    })
  }

  /** The scope of the caller. */
  currentScope(): Scope | undefined {
    const current = this.context.current()
    return current instanceof Scope ? current : undefined
  }

  /** The reason of a checkout's exemption; undefined if it is not exempted. */
  exemptionOf(checkout: Checkout): string | undefined {
    return checkout.exemption ?? exemptionBy(this.exempt, checkout)
  }

  /**
   * Calls `work` outside any scope, so that long-lived objects, such as connections, do not keep the scope in memory.
   */
  detached<Result>(work: () => Result): Result {
    return this.context.current() === undefined ? work() : this.context.run(undefined, work)
  }

  /** Adds a meter. Returns a function that removes it. */
  observe(meter: Meter): () => void {
    const join = () => {
      this.meter = joinMeters([...this.#meters])
    }
    this.#meters.add(meter)
    join()
    return () => {
      this.#meters.delete(meter)
      join()
    }
  }

  /** Starts the sweep for a checkout that the ledger did not see coming. */
  wake(): void {
    this.#events.requested()
  }

  /** Records a caller that asks for a client. */
  request(
    pool: CheckoutPool,
    via: Via,
    queued: boolean,
    stack: CapturedStack | undefined,
    scope: Scope | undefined,
  ): Checkout {
    this.#checkouts += 1
    this.#events.requested()
    const checkout = new Checkout(this.#checkouts, pool, via, this.time.now(), queued, stack, scope)
    if (this.activeSpan !== undefined) checkout.span = this.activeSpan()
    if (queued) pool.waiters.add(checkout)
    this.scopeBooks.noteUnderWay(checkout)
    return checkout
  }

  /** Records that the caller got its client. */
  acquired(checkout: Checkout, control: ClientControl): void {
    this.#stopWaiting(checkout, 'got a client')
    const now = this.time.now()
    checkout.phase = 'out'
    checkout.control = control
    checkout.pid = control.pid
    checkout.acquiredAt = now
    checkout.busySince = now
    checkout.idleSince = now
    checkout.pool.out.add(checkout)
    // A statement of `pool.query` that became a checkout later has been counted already.
    if (checkout.stack !== undefined)
      this.meter?.acquired(checkout.pool, now - checkout.requestedAt, checkout)
  }

  /** Ends a wait without a client, or with one that is not tracked. */
  withdrawn(checkout: Checkout, resolution: string): void {
    this.#stopWaiting(checkout, resolution)
    this.recorder?.withdrawn(checkout, resolution)
    checkout.phase = 'over'
  }

  /** Records a release. `unsettled`: the state of the session is not known yet, so the checkout is kept. */
  closed(checkout: Checkout, unsettled: boolean): void {
    checkout.pool.out.delete(checkout)
    this.meter?.released(checkout.pool, this.time.now() - checkout.acquiredAt, checkout)
    if (checkout.reported !== 0) {
      const held = this.time.now() - checkout.acquiredAt
      this.findings.resolve(checkout, (kind) => !afterRelease.has(kind), {
        afterMillis: held,
        what: 'released',
      })
    }
    checkout.phase = 'over'
    if (unsettled) this.scopeBooks.noteUnderWay(checkout)
    else checkout.forget()
  }

  /** Records that a remedy took the client back. The findings stay open until the owner releases. */
  destroyed(checkout: Checkout): void {
    checkout.pool.out.delete(checkout)
    this.meter?.released(checkout.pool, this.time.now() - checkout.acquiredAt, checkout)
    checkout.phase = 'destroyed'
    checkout.forget()
    if (checkout.reported === 0) return
    this.#destroyed.add(checkout)
    if (this.#destroyed.size > mostDestroyed) {
      const [oldest] = this.#destroyed
      if (oldest !== undefined) this.#forgetDestroyed(oldest, 'never released by its owner')
    }
  }

  /** Records the release of a destroyed client. */
  releasedLate(checkout: Checkout): void {
    this.#forgetDestroyed(checkout, `released after ${describeMillis(this.time.now() - checkout.acquiredAt)}`)
  }

  /** Forgets a checkout of a pool that is no longer watched. Its open findings do not resolve. */
  dismiss(checkout: Checkout): void {
    checkout.pool.out.delete(checkout)
    checkout.pool.waiters.delete(checkout)
    this.findings.abandon(checkout)
    checkout.phase = 'over'
    checkout.forget()
  }

  #stopWaiting(checkout: Checkout, what: string): void {
    if (checkout.queued) checkout.pool.waiters.delete(checkout)
    checkout.reject = undefined
    if (checkout.reported === 0) return
    this.findings.resolve(checkout, () => true, { what, afterMillis: this.time.now() - checkout.requestedAt })
    // The wait is over: findings about it do not concern the checkout that follows.
    checkout.reported = 0
  }

  #forgetDestroyed(checkout: Checkout, what: string): void {
    this.#destroyed.delete(checkout)
    this.findings.resolve(checkout, () => true, { what })
  }

  #noteFinding(record: FindingRecord): void {
    const { pool, stack } = record.evidence.checkout
    if (stack !== undefined && isShort(stack)) pool.stacks?.deepen()
    if (this.scopeBooks.running.size > 0) {
      const { checkout, scope } = record.evidence
      // A late act belongs to the test in which it happens, not to the one that checked the client out.
      this.scopeBooks.noteFinding(record, scope ?? checkout.scope ?? this.currentScope())
    }
    this.opened?.(record)
  }
}
