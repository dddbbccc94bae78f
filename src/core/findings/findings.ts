import type { QueryTextMode } from '../../sql/redaction.ts'
import { describeMillis } from '../../text/duration.ts'
import type { Checkout } from '../checkout.ts'
import type { ActiveTime } from '../time/active-time.ts'
import { bitOf, bitsOf, type Finding, type FindingKind } from './finding.ts'
import { type FindingEvidence, FindingRecord } from './finding-record.ts'
import { FingerprintCounts } from './fingerprint.ts'
import { ResolvedFindings } from './resolved-findings.ts'
import { isSuperseded, placeIn } from './story.ts'

/** Kinds that depend on an open transaction. */
const ofTransaction: ReadonlySet<FindingKind> = new Set(['idle-transaction', 'long-transaction'])

export interface FindingEvents {
  /** A finding was opened; no remedy has run yet. */
  opened(record: FindingRecord): void
  resolved(record: FindingRecord): void
}

/** The reason why findings resolve, and the time they were open. */
export interface Resolution {
  readonly what: string
  readonly afterMillis?: number
}

/** The findings of all checkouts, open or resolved. */
export class Findings {
  readonly #open = new Map<Checkout, FindingRecord[]>()
  readonly #resolved = new ResolvedFindings()
  readonly #counts = new FingerprintCounts()
  /** The functions that end the absorption by a finding when it resolves. */
  readonly #absorbed = new WeakMap<FindingRecord, () => void>()
  readonly #time: ActiveTime
  readonly #queryText: QueryTextMode
  readonly #events: FindingEvents
  #made = 0

  constructor(time: ActiveTime, queryText: QueryTextMode, events: FindingEvents) {
    this.#time = time
    this.#queryText = queryText
    this.#events = events
  }

  /** Opens a finding, unless this checkout has had one of this kind, or an open one covers it. */
  open(evidence: FindingEvidence): FindingRecord | undefined {
    const { checkout, kind } = evidence
    const bit = bitOf(kind)
    if ((checkout.reported & bit) !== 0) return undefined
    const place = placeIn(this.of(checkout), evidence)
    if (place.does === 'add nothing') return undefined
    checkout.reported |= bit
    this.#made += 1
    const record = new FindingRecord(
      `f${this.#made}`,
      place.does === 'update' ? { ...evidence, updates: place.record.id } : evidence,
      { origin: checkout.origin, transactionOrigin: checkout.transactionOrigin },
      (fingerprint) => this.#counts.next(fingerprint),
      this.#time,
      this.#queryText,
    )
    this.#events.opened(record)
    if (place.does === 'begin') this.#supersede(checkout, place.instead, record)
    if (evidence.momentary === true) {
      record.resolve('it happened once')
      this.#resolved.add(record.data())
      return record
    }
    const records = this.#open.get(checkout)
    if (records === undefined) this.#open.set(checkout, [record])
    else records.push(record)
    return record
  }

  /** The open findings of a checkout. */
  of(checkout: Checkout): readonly FindingRecord[] {
    return this.#open.get(checkout) ?? []
  }

  /** Resolves open findings of a checkout whose cause is gone. */
  resolve(checkout: Checkout, which: (kind: FindingKind) => boolean, resolution: Resolution): void {
    this.#resolveRecords(checkout, ({ evidence }) => which(evidence.kind), resolutionText(resolution))
  }

  /** Suppresses these suspected kinds for these checkouts while `record` is open, because it explains them. */
  absorb(record: FindingRecord, checkouts: readonly Checkout[], kinds: readonly FindingKind[]): void {
    const given: (readonly [Checkout, number])[] = []
    for (const checkout of checkouts) {
      const explained = this.of(checkout).filter(({ evidence }) => kinds.includes(evidence.kind))
      this.#supersede(checkout, explained.filter(isSuperseded), record)
      const bits = bitsOf(kinds) & ~checkout.reported
      checkout.reported |= bits
      given.push([checkout, bits])
    }
    this.#absorbed.set(record, () => {
      // Callers that still wait have waited since then: their waits are explained. Holders are judged anew.
      for (const [checkout, bits] of given) if (checkout.phase === 'out') mayReportAgain(checkout, bits)
    })
  }

  /** Resolves the findings about a transaction; the checkout's next transaction is judged anew. */
  endTransaction(checkout: Checkout, what: string): void {
    this.resolve(checkout, (kind) => ofTransaction.has(kind), { what })
    mayReportAgain(checkout, bitsOf([...ofTransaction]))
  }

  /** Forgets a checkout that is no longer tracked. Its open findings do not resolve. */
  abandon(checkout: Checkout): void {
    for (const record of this.of(checkout)) this.#resolved.add(record.data())
    this.#open.delete(checkout)
  }

  #resolveRecords(checkout: Checkout, which: (record: FindingRecord) => boolean, resolution: string): void {
    const records = this.#open.get(checkout)
    if (records === undefined) return
    const remaining = records.filter((record) => !which(record))
    if (remaining.length === records.length) return
    // Before the event: a listener may act on the same checkout.
    if (remaining.length === 0) this.#open.delete(checkout)
    else this.#open.set(checkout, remaining)
    for (const record of records) {
      if (remaining.includes(record)) continue
      record.resolve(resolution)
      this.#absorbed.get(record)?.()
      this.#resolved.add(record.data())
      this.#events.resolved(record)
    }
  }

  #supersede(checkout: Checkout, records: readonly FindingRecord[], by: FindingRecord): void {
    if (records.length === 0) return
    for (const record of records) record.supersededBy = by.id
    const which = (record: FindingRecord) => records.includes(record)
    this.#resolveRecords(checkout, which, `superseded by ${by.evidence.kind}`)
  }

  /** The open findings, then the last resolved ones. */
  all(): Finding[] {
    const open = [...this.#open.values()].flat()
    return [...open.map((record) => record.data()), ...this.#resolved.newestFirst()]
  }
}

function mayReportAgain(checkout: Checkout, bits: number): void {
  checkout.reported &= ~bits
  checkout.judgeSoon()
}

function resolutionText({ what, afterMillis }: Resolution): string {
  return afterMillis === undefined ? what : `${what} after ${describeMillis(afterMillis)}`
}
