import type { Checkout } from '../core/checkout.ts'
import type { ClientControl } from '../core/client-control.ts'
import type { Remedy } from '../core/findings/finding.ts'
import type { FindingEvidence, FindingRecord } from '../core/findings/finding-record.ts'
import type { Rule } from '../core/findings/rule.ts'
import type { Ledger } from '../core/ledger.ts'
import type { SessionContents } from '../core/session-state/contents.ts'
import type { SessionItem } from '../core/session-state/item.ts'
import type { Settings } from '../options.ts'
import { destroySession } from '../remedies/destroy.ts'
import { resetSession } from '../remedies/reset.ts'
import { type RemedyResult, rollBack } from '../remedies/rollback.ts'
import { describeMillis } from '../text/duration.ts'
import type { Announcer } from './announcer.ts'

/** Additional evidence beside the rule, the checkout and the hint. */
export type More = Omit<FindingEvidence, 'kind' | 'certainty' | 'checkout' | 'hint' | 'remedy'>

/** Opens findings, applies their remedies, and tracks running remedies. */
export class Enforcer {
  readonly #settings: Settings
  readonly #ledger: Ledger
  readonly #announcer: Announcer
  readonly #underWay = new Set<Promise<unknown>>()
  /** Checkouts whose transaction a remedy is about to end. */
  readonly #ending = new Set<Checkout>()

  constructor(settings: Settings, ledger: Ledger, announcer: Announcer) {
    this.#settings = settings
    this.#ledger = ledger
    this.#announcer = announcer
  }

  /** Opens a finding with the remedy of its kind; undefined if this checkout has had one of this kind. */
  open<Subject>(
    rule: Rule<Subject>,
    checkout: Checkout,
    hint: string,
    more: More = {},
  ): FindingRecord | undefined {
    const { kind, certainty } = rule
    const remedy = this.#remedyFor(rule, checkout)
    return this.#ledger.findings.open({ kind, certainty, checkout, hint, remedy, ...more })
  }

  /** Opens a finding about an open checkout, applies its remedy and announces it. */
  report<Subject>(
    rule: Rule<Subject>,
    checkout: Checkout,
    hint: string,
    more?: More,
  ): FindingRecord | undefined {
    const record = this.open(rule, checkout, hint, more)
    if (record === undefined) return undefined
    const { control } = checkout
    this.#announcer.finding(record, control === undefined ? undefined : this.apply(record, control, true))
    return record
  }

  /** Whether a remedy has ended the checkout's transaction, or is ending it, and the owner has not noticed yet. */
  hasTransactionOf(checkout: Checkout): boolean {
    return this.#ending.has(checkout) || checkout.destroyAt !== Number.POSITIVE_INFINITY
  }

  /** Starts the remedy of a finding, if it has one that acts on the client. */
  apply(record: FindingRecord, control: ClientControl, ownerHolds: boolean): Promise<void> | undefined {
    switch (record.evidence.remedy) {
      case 'rollback':
        return control.transaction === 'idle' ? undefined : this.#rollBack(record, control, ownerHolds)
      case 'destroy':
        return this.#destroy(record, control)
      default:
        return undefined
    }
  }

  /** Resets the state of a released session, or closes it. */
  applyToState(
    record: FindingRecord,
    control: ClientControl,
    items: readonly SessionItem[],
    before: SessionContents | undefined,
  ): Promise<void> | undefined {
    if (record.evidence.remedy !== 'reset') return this.apply(record, control, false)
    const { reference } = record
    const reset = resetSession({ control, items, before, reference, clock: this.#settings.clock })
    return this.follow(reset.then(({ outcome, detail }) => record.remedied(outcome, detail)))
  }

  /** Destroys the session of an owner that has neither released nor sent ROLLBACK within a limit after the rollback. */
  destroyAfterRollback(checkout: Checkout): void {
    checkout.destroyAt = Number.POSITIVE_INFINITY
    const record = this.#ledger.findings.of(checkout).find(({ evidence }) => evidence.remedy === 'rollback')
    const { control } = checkout
    if (record === undefined || control === undefined) return
    const limit = describeMillis(this.#settings.limits.idleTransactionMillis || 0)
    const detail = `still held ${limit} after the rollback`
    void this.#destroy(record, control, detail).then(() => this.#announcer.remedied(record))
  }

  /** Frees the slot of a session that has ended while its owner has not released. Nothing can be lost. */
  freeSlot(checkout: Checkout): void {
    const record = this.#ledger.findings
      .of(checkout)
      .find(({ evidence }) => evidence.kind === 'session-killed')
    const { control } = checkout
    if (this.#settings.mode !== 'enforce' || record === undefined || control === undefined) return
    const destroyed = destroySession(control, record.reference, this.#settings.clock)
    const remedied = destroyed.then(() => record.remedied('destroyed', 'not released since then', 'destroy'))
    void this.follow(remedied).then(() => this.#announcer.remedied(record))
  }

  /** Tracks running work until it settles. */
  follow<T>(work: Promise<T>): Promise<T> {
    this.#underWay.add(work)
    const done = () => this.#underWay.delete(work)
    work.then(done, done)
    return work
  }

  /** Resolves when no work is running. */
  async settled(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay)
  }

  #remedyFor<Subject>(
    { kind, freesSlot, reportsOnly }: Rule<Subject>,
    { control, reject }: Checkout,
  ): Remedy {
    const { mode, remedies } = this.#settings
    if (reportsOnly) return 'report'
    const remedy = freesSlot && mode === 'enforce' ? 'destroy' : remedies[kind]
    // Not every pool lets one reach its clients, or take a caller out of its queue.
    if (control?.isObserved === true || (remedy === 'reject' && reject === undefined)) return 'report'
    return remedy
  }

  #rollBack(record: FindingRecord, control: ClientControl, ownerHolds: boolean): Promise<void> {
    const { checkout } = record.evidence
    this.#ending.add(checkout)
    const completed = ({ outcome, detail }: RemedyResult) => {
      this.#ending.delete(checkout)
      record.remedied(outcome, detail)
      const { idleTransactionMillis } = this.#settings.limits
      const stillHeld = ownerHolds && outcome === 'rolled-back' && checkout.phase === 'out'
      if (stillHeld && idleTransactionMillis !== false) {
        checkout.destroyAt = this.#ledger.time.now() + idleTransactionMillis
        checkout.judgeSoon()
      }
    }
    const lifted = () => {
      checkout.destroyAt = Number.POSITIVE_INFINITY
      this.#ledger.findings.endTransaction(checkout, 'its owner sent ROLLBACK')
    }
    const { reference } = record
    const { clock } = this.#settings
    const ended = () => {
      this.#ending.delete(checkout)
      this.#ledger.findings.endTransaction(checkout, 'its transaction has ended')
    }
    return this.follow(
      rollBack({
        control,
        reference,
        clock,
        completed,
        ended,
        lifted: ownerHolds ? lifted : undefined,
      }),
    )
  }

  #destroy(record: FindingRecord, control: ClientControl, detail?: string): Promise<void> {
    const destroyed = destroySession(control, record.reference, this.#settings.clock)
    return this.follow(destroyed.then(() => record.remedied('destroyed', detail)))
  }
}
