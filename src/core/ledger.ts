import { presentQueryText, type QueryTextMode } from '../sql/redaction.ts'
import { describeMillis } from '../text/duration.ts'
import { Checkout, type CheckoutPool, checkoutData, type Via } from './checkout.ts'
import type { ClientControl } from './client-control.ts'
import type { Finding, FindingKind, Holder } from './findings/finding.ts'
import { bitOf, mostResolved } from './findings/finding.ts'
import { type FindingEvidence, FindingRecord } from './findings/finding-record.ts'
import { type CapturedStack, originOf } from './origin/origin.ts'
import { Scope, type ScopeContext } from './scope.ts'
import { ScopeBooks } from './scope-books.ts'
import { joinMeters, type Meter } from './statistics/meter.ts'
import type { ActiveTime } from './time/active-time.ts'
import type { Clock } from './time/clock.ts'
import type { SpanIds } from './trace.ts'

/** How many fingerprints are counted: memory must not grow with time. */
const mostFingerprints = 1000
/** How many destroyed sessions keep their findings open for an owner that may still release them. */
const mostDestroyed = 200
/** A report that lists more holders than this helps nobody. */
const mostHolders = 20

/** Findings that rest on an open transaction. */
const ofTransaction: ReadonlySet<FindingKind> = new Set(['idle-transaction', 'long-transaction'])

/** Findings that are made by a release and therefore outlast it. */
const afterRelease: ReadonlySet<FindingKind> = new Set(['dirty-release', 'busy-release'])

export interface LedgerEvents {
  /** Somebody asks for a client. Called for each checkout: it must cost nothing. */
  requested(): void
  resolved(record: FindingRecord): void
}

/** Who has which client, who waits, and what has been found. Keeps the books and judges nothing. */
export class Ledger {
  readonly pools = new Set<CheckoutPool>()
  readonly clock: Clock
  readonly time: ActiveTime
  readonly context: ScopeContext
  readonly queryText: QueryTextMode
  readonly scopeBooks = new ScopeBooks()
  /** Whoever counts and times. Undefined, and nothing is measured for it, when nobody does. */
  meter: Meter | undefined = undefined
  /** Tells the span that is active, where somebody follows traces. */
  activeSpan: (() => SpanIds | undefined) | undefined = undefined
  /** Called for each finding when it is made, before any remedy. */
  opened: ((record: FindingRecord) => void) | undefined = undefined
  readonly #meters = new Set<Meter>()
  readonly #open = new Map<Checkout, FindingRecord[]>()
  readonly #resolved: Finding[] = []
  readonly #occurrences = new Map<string, number>()
  readonly #events: LedgerEvents
  readonly #destroyed = new Set<Checkout>()
  #checkouts = 0
  #findings = 0

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
  }

  /** The unit of work that the caller belongs to. */
  currentScope(): Scope | undefined {
    const current = this.context.current()
    return current instanceof Scope ? current : undefined
  }

  /** Calls `work` outside of any scope: what it makes to last, such as a connection, must not keep the caller's alive. */
  detached<Result>(work: () => Result): Result {
    return this.context.current() === undefined ? work() : this.context.run(undefined, work)
  }

  /** Tells `meter` from now on. Returns a function that ends it. */
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

  /** Somebody asks for a client. */
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
    // A statement of `pool.query` that turned out to be more has been told of already.
    if (checkout.stack !== undefined)
      this.meter?.acquired(checkout.pool, now - checkout.requestedAt, checkout)
  }

  /** No client arrived, or the one that did is none of the ledger's business. */
  withdrawn(checkout: Checkout, resolution: string): void {
    this.#stopWaiting(checkout, resolution)
    checkout.phase = 'over'
  }

  /** The owner gave the client back. `unsettled`: what it did is not known in full yet, so nothing is forgotten. */
  closed(checkout: Checkout, unsettled: boolean): void {
    checkout.pool.out.delete(checkout)
    this.meter?.released(checkout.pool, this.time.now() - checkout.acquiredAt, checkout)
    if (checkout.reported !== 0) {
      const held = this.time.now() - checkout.acquiredAt
      this.resolve(checkout, (kind) => !afterRelease.has(kind), { after: held, what: 'released' })
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
      if (oldest !== undefined) this.#abandon(oldest, 'never released by its owner')
    }
  }

  /** The owner released a client that had been destroyed. */
  releasedLate(checkout: Checkout): void {
    this.#abandon(checkout, `released after ${describeMillis(this.time.now() - checkout.acquiredAt)}`)
  }

  /** The pool is no longer watched: what is open stays open, as far as is known. */
  dismiss(checkout: Checkout): void {
    checkout.pool.out.delete(checkout)
    checkout.pool.waiters.delete(checkout)
    for (const record of this.openFindings(checkout)) this.#remember(record.data())
    this.#open.delete(checkout)
    checkout.phase = 'over'
    checkout.forget()
  }

  /** Opens a finding, unless this checkout has had one of this kind. */
  open(evidence: FindingEvidence): FindingRecord | undefined {
    const { checkout, kind } = evidence
    const bit = bitOf(kind)
    if ((checkout.reported & bit) !== 0) return undefined
    checkout.reported |= bit
    this.#findings += 1
    const record = new FindingRecord(
      `f${this.#findings}`,
      evidence,
      { origin: checkout.origin, transactionOrigin: originOf(checkout.control?.transactionStack) },
      (fingerprint) => this.#count(fingerprint),
      this.time,
      this.queryText,
    )
    // A released client has forgotten its scope; who releases it again is known all the same.
    if (this.scopeBooks.running.size > 0)
      this.scopeBooks.noteFinding(record, checkout.scope ?? this.currentScope())
    this.opened?.(record)
    if (evidence.momentary === true) {
      record.resolve('it happened once')
      this.#remember(record.data())
      return record
    }
    const records = this.#open.get(checkout)
    if (records === undefined) this.#open.set(checkout, [record])
    else records.push(record)
    return record
  }

  /** The open findings of a checkout. */
  openFindings(checkout: Checkout): readonly FindingRecord[] {
    return this.#open.get(checkout) ?? []
  }

  /** What the open findings of a checkout rest on is no longer so. */
  resolve(
    checkout: Checkout,
    which: (kind: FindingKind) => boolean,
    resolution: { readonly what: string; readonly after?: number },
  ): void {
    const records = this.#open.get(checkout)
    if (records === undefined) return
    const remaining = records.filter((record) => !which(record.evidence.kind))
    if (remaining.length === records.length) return
    // Before anybody is told: a listener may act on the same checkout.
    if (remaining.length === 0) this.#open.delete(checkout)
    else this.#open.set(checkout, remaining)
    for (const record of records) {
      if (remaining.includes(record)) continue
      record.resolve(resolutionText(resolution))
      this.#remember(record.data())
      this.#events.resolved(record)
    }
  }

  /** What was found of a transaction is over with it; the next one of this checkout is judged anew. */
  endTransaction(checkout: Checkout, what: string): void {
    this.resolve(checkout, (kind) => ofTransaction.has(kind), { what })
    for (const kind of ofTransaction) checkout.reported &= ~bitOf(kind)
  }

  /** Open findings first, then those that resolved lately. */
  findings(): Finding[] {
    const open = [...this.#open.values()].flat()
    return [...open.map((record) => record.data()), ...this.#resolved.toReversed()]
  }

  /** Who has the clients of a pool, the longest first; statements of `pool.query` last. */
  holders(pool: CheckoutPool): Holder[] {
    const held = this.holdersAmong([...pool.out])
    const passing = pool.passingQueries().map(({ pid, text }): Holder => {
      const lastQuery = this.present(text)
      return {
        via: 'pool.query',
        ...(pid === undefined ? {} : { pid }),
        ...(lastQuery === undefined ? {} : { lastQuery }),
      }
    })
    return [...held, ...passing].slice(0, mostHolders)
  }

  /** These checkouts as a report lists them. */
  holdersAmong(checkouts: readonly Checkout[]): Holder[] {
    return checkouts.slice(0, mostHolders).map((checkout): Holder => {
      const origin = checkout.origin
      const transactionOrigin = originOf(checkout.control?.transactionStack)
      return {
        ...checkoutData(checkout, this.time, this.queryText),
        ...(origin === undefined ? {} : { origin }),
        ...(transactionOrigin === undefined ? {} : { transactionOrigin }),
        ...(checkout.scope === undefined ? {} : { scope: checkout.scope.data() }),
      }
    })
  }

  /** A statement's text as reports show it. */
  present(text: string | undefined): string | undefined {
    return presentQueryText(text, this.queryText)
  }

  #stopWaiting(checkout: Checkout, what: string): void {
    if (checkout.queued) checkout.pool.waiters.delete(checkout)
    checkout.reject = undefined
    if (checkout.reported === 0) return
    this.resolve(checkout, () => true, { what, after: this.time.now() - checkout.requestedAt })
    // The wait is over. What it was reported for says nothing about the checkout that follows.
    checkout.reported = 0
  }

  #abandon(checkout: Checkout, what: string): void {
    this.#destroyed.delete(checkout)
    this.resolve(checkout, () => true, { what })
  }

  #count(fingerprint: string): number {
    const count = (this.#occurrences.get(fingerprint) ?? 0) + 1
    // Deleted and set anew, the entry moves to the end: the first one is the one not seen for the longest time.
    this.#occurrences.delete(fingerprint)
    this.#occurrences.set(fingerprint, count)
    if (this.#occurrences.size > mostFingerprints) {
      const [oldest] = this.#occurrences.keys()
      if (oldest !== undefined) this.#occurrences.delete(oldest)
    }
    return count
  }

  #remember(finding: Finding): void {
    this.#resolved.push(finding)
    if (this.#resolved.length > mostResolved) this.#resolved.shift()
  }
}

function resolutionText({ what, after }: { readonly what: string; readonly after?: number }): string {
  return after === undefined ? what : `${what} after ${describeMillis(after)}`
}
