import type { FindingReference } from '../../errors.ts'
import type { QueryTextMode } from '../../sql/redaction.ts'
import { type Checkout, type CheckoutData, checkoutData } from '../checkout.ts'
import { deepFreeze } from '../freeze.ts'
import { describeFrame, type Origin } from '../origin/origin.ts'
import type { Scope, ScopeData } from '../scope.ts'
import type { ActiveTime } from '../time/active-time.ts'
import type { SpanIds } from '../trace.ts'
import type { Certainty, Finding, FindingKind, Holder, Outcome, Remedy } from './finding.ts'
import { fingerprintOf } from './fingerprint.ts'

/** The facts at the opening of a finding. */
export interface FindingEvidence {
  readonly kind: FindingKind
  readonly certainty: Certainty
  readonly checkout: Checkout
  readonly hint: string
  readonly remedy: Remedy
  readonly holders?: readonly Holder[]
  readonly eventOrigin?: Origin | undefined
  readonly left?: readonly string[]
  /** The id of the open finding of the same checkout that this one adds to. */
  readonly updates?: string
  /** The scope of a late act, if the scope of the checkout has been dropped. */
  readonly scope?: Scope | undefined
  /** True for an event, which has no state that could clear. */
  readonly momentary?: boolean
}

/** A finding with its changes until it resolves. */
export class FindingRecord {
  readonly id: string
  readonly evidence: FindingEvidence
  readonly origin: Origin | undefined
  readonly fingerprint: string
  readonly occurrences: number
  readonly #transactionOrigin: Origin | undefined
  readonly #scope: ScopeData | undefined
  readonly #span: SpanIds | undefined
  readonly #openedAt: number
  readonly #time: ActiveTime
  /** The checkout at the opening of the finding, before a remedy changes it. */
  readonly #checkout: CheckoutData
  #remedy: Remedy
  /** The id of the certain finding that has replaced this suspected one. */
  supersededBy: string | undefined
  #outcome: Outcome | undefined
  #outcomeDetail: string | undefined
  /** The damage to later owners, in a sentence. */
  aftermath: string | undefined
  #resolvedAt: number | undefined
  #resolution: string | undefined

  constructor(
    id: string,
    evidence: FindingEvidence,
    source: { origin: Origin | undefined; transactionOrigin: Origin | undefined },
    count: (fingerprint: string) => number,
    time: ActiveTime,
    queryText: QueryTextMode,
  ) {
    this.id = id
    this.evidence = evidence
    this.#remedy = evidence.remedy
    this.#time = time
    this.#checkout = checkoutData(evidence.checkout, time, queryText)
    this.origin = source.origin
    this.#transactionOrigin = source.transactionOrigin
    this.#scope = (evidence.checkout.scope ?? evidence.scope)?.data()
    this.#span = evidence.checkout.span ?? spanOf(this.#scope)
    this.fingerprint = fingerprintOf({
      kind: evidence.kind,
      checkout: evidence.checkout,
      origin: this.origin ?? this.#transactionOrigin,
      eventOrigin: evidence.eventOrigin,
      scope: this.#scope,
    })
    this.occurrences = count(this.fingerprint)
    this.#openedAt = time.epochMillis(time.now())
  }

  get resolved(): boolean {
    return this.#resolution !== undefined
  }

  /** The finding as errors refer to it. */
  get reference(): FindingReference {
    const { kind } = this.evidence
    const place = this.origin ?? this.#transactionOrigin
    return place === undefined ? { id: this.id, kind } : { id: this.id, kind, origin: describeFrame(place) }
  }

  /** Records the result of a remedy; `remedy` is given if it is not the one that the finding was opened with. */
  remedied(outcome: Outcome, detail: string | undefined, remedy: Remedy = this.evidence.remedy): void {
    this.#remedy = remedy
    this.#outcome = outcome
    this.#outcomeDetail = detail
  }

  resolve(resolution: string): void {
    this.#resolution = resolution
    this.#resolvedAt = this.#time.epochMillis(this.#time.now())
  }

  data(): Finding {
    const { kind, certainty, checkout, hint, holders, eventOrigin, left, updates } = this.evidence
    return deepFreeze({
      id: this.id,
      kind,
      certainty,
      pool: checkout.pool.name,
      checkout: this.#checkout,
      ...(this.origin === undefined ? {} : { origin: this.origin }),
      ...(this.#transactionOrigin === undefined ? {} : { transactionOrigin: this.#transactionOrigin }),
      ...(this.#scope === undefined ? {} : { scope: this.#scope }),
      ...(this.#span === undefined ? {} : { traceId: this.#span.traceId, spanId: this.#span.spanId }),
      ...(eventOrigin === undefined ? {} : { eventOrigin }),
      ...(left === undefined ? {} : { left }),
      ...(holders === undefined ? {} : { holders }),
      hint,
      ...(this.aftermath === undefined ? {} : { aftermath: this.aftermath }),
      ...(updates === undefined ? {} : { updates }),
      ...(this.supersededBy === undefined ? {} : { supersededBy: this.supersededBy }),
      remedy: this.#remedy,
      ...(this.#outcome === undefined ? {} : { outcome: this.#outcome }),
      ...(this.#outcomeDetail === undefined ? {} : { outcomeDetail: this.#outcomeDetail }),
      fingerprint: this.fingerprint,
      occurrences: this.occurrences,
      docs: `docs/findings.md#${kind}`,
      openedAt: this.#openedAt,
      ...(this.#resolvedAt === undefined ? {} : { resolvedAt: this.#resolvedAt }),
      ...(this.#resolution === undefined ? {} : { resolution: this.#resolution }),
    })
  }
}

/** The span of the scope, from the headers of the request. */
function spanOf(scope: ScopeData | undefined): SpanIds | undefined {
  const { traceId, spanId } = scope ?? {}
  return traceId === undefined || spanId === undefined ? undefined : { traceId, spanId }
}
