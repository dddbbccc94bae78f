import type { QueryTextMode } from '../sql/redaction.ts'
import { describeMillis } from '../text/duration.ts'
import { Checkout, type CheckoutPool, type Via } from './checkout.ts'
import type { ClientControl } from './client-control.ts'
import { type ExemptRule, exemptionBy } from './exemptions.ts'
import type { FindingKind } from './findings/finding.ts'
import type { FindingRecord } from './findings/finding-record.ts'
import { Findings } from './findings/findings.ts'
import type { CapturedStack } from './origin/origin.ts'
import { Scope, type ScopeContext } from './scope.ts'
import { ScopeBooks } from './scope-books.ts'
import { joinMeters, type Meter } from './statistics/meter.ts'
import type { ActiveTime } from './time/active-time.ts'
import type { Clock } from './time/clock.ts'
import type { SpanIds } from './trace.ts'

/** How many destroyed sessions keep their findings open for an owner that may still release them. */
const mostDestroyed = 200

/** Findings that are made by a release and therefore outlast it. */
const afterRelease: ReadonlySet<FindingKind> = new Set(['dirty-release', 'busy-release'])

export interface LedgerEvents {
  /** A caller asks for a client. Called for each checkout: it must cost nothing. */
  requested(): void
  resolved(record: FindingRecord): void
}

/** Records who has which client, who waits, and the findings about them. It judges nothing. */
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
  /** Counts and times. Undefined, so that it costs nothing, unless it is asked for. */
  meter: Meter | undefined = undefined
  /** Yields the active span, where traces are followed. */
  activeSpan: (() => SpanIds | undefined) | undefined = undefined
  /** Called for each finding when it is made, before any remedy. */
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

  /** The unit of work that the caller belongs to. */
  currentScope(): Scope | undefined {
    const current = this.context.current()
    return current instanceof Scope ? current : undefined
  }

  /** The reason why a client may be held for long. */
  exemptionOf(checkout: Checkout): string | undefined {
    return checkout.exemption ?? exemptionBy(this.exempt, checkout)
  }

  /** Calls `work` outside of any scope: what it makes to last, such as a connection, must not keep the caller's alive. */
  detached<Result>(work: () => Result): Result {
    return this.context.current() === undefined ? work() : this.context.run(undefined, work)
  }

  /** `meter` counts from now on. Returns a function that ends it. */
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

  /** Something is to be looked at soon, though nobody has asked the ledger for it. */
  wake(): void {
    this.#events.requested()
  }

  /** A caller asks for a client. */
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

  /** The client arrived. */
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
    // A statement of `pool.query` that turned out to be more has been counted already.
    if (checkout.stack !== undefined)
      this.meter?.acquired(checkout.pool, now - checkout.requestedAt, checkout)
  }

  /** No client arrived, or the one that did is none of the ledger's business. */
  withdrawn(checkout: Checkout, resolution: string): void {
    this.#stopWaiting(checkout, resolution)
    checkout.phase = 'over'
  }

  /** The owner gave the client back. `unsettled`: the state of the session is not known yet, so nothing is forgotten. */
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

  /** A remedy took the client back. Its findings stay open until the owner releases, too. */
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

  /** The owner released a client that had been destroyed. */
  releasedLate(checkout: Checkout): void {
    this.#forgetDestroyed(checkout, `released after ${describeMillis(this.time.now() - checkout.acquiredAt)}`)
  }

  /** The pool is no longer watched: what is open stays open, as far as is known. */
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
    // The wait is over. What it was reported for says nothing about the checkout that follows.
    checkout.reported = 0
  }

  #forgetDestroyed(checkout: Checkout, what: string): void {
    this.#destroyed.delete(checkout)
    this.findings.resolve(checkout, () => true, { what })
  }

  #noteFinding(record: FindingRecord): void {
    if (this.scopeBooks.running.size > 0) {
      const { checkout, scope } = record.evidence
      // A late act belongs to the test that does it, whoever has checked the client out.
      this.scopeBooks.noteFinding(record, scope ?? checkout.scope ?? this.currentScope())
    }
    this.opened?.(record)
  }
}
