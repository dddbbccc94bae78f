import type { Checkout } from '../core/checkout.ts'
import type { CheckoutEvents } from '../core/checkout-events.ts'
import type { FindingRecord } from '../core/findings/finding-record.ts'
import type { Rule } from '../core/findings/rule.ts'
import type { Ledger } from '../core/ledger.ts'
import { type CapturedStack, captureStack, originOf } from '../core/origin/origin.ts'
import { excludeInBundle } from '../core/origin/own-code.ts'
import { tolerated } from '../core/unawaited.ts'
import { type FindingReference, SessionReleasedError } from '../errors.ts'
import type { Settings } from '../options.ts'
import { doubleRelease } from '../rules/double-release.ts'
import { useAfterRelease } from '../rules/use-after-release.ts'
import type { Announcer } from './announcer.ts'
import type { Enforcer } from './enforcer.ts'

/** Judges what an owner does after the end of its checkout. */
export class LateActJudge implements Pick<CheckoutEvents, 'releasedAgain' | 'usedAfterRelease'> {
  readonly #settings: Settings
  readonly #ledger: Ledger
  readonly #announcer: Announcer
  readonly #enforcer: Enforcer
  readonly #lateUses = new WeakMap<Checkout, FindingReference>()

  constructor(settings: Settings, ledger: Ledger, announcer: Announcer, enforcer: Enforcer) {
    this.#settings = settings
    this.#ledger = ledger
    this.#announcer = announcer
    this.#enforcer = enforcer
  }

  releasedAgain(checkout: Checkout, ownedByAnother: boolean): boolean {
    const hint = doubleRelease.judge({ checkout, ownedByAnother, stack: captureStack() }, 0)
    if (hint !== undefined) this.#report(doubleRelease, checkout, hint)
    return this.#settings.remedies['double-release'] === 'refuse'
  }

  usedAfterRelease(checkout: Checkout, sentFrom?: CapturedStack): Error | undefined {
    const hint = useAfterRelease.judge(checkout, 0)
    if (hint === undefined) return undefined
    const record = this.#report(useAfterRelease, checkout, hint, sentFrom)
    if (this.#settings.remedies['use-after-release'] !== 'refuse') return undefined
    // The finding is opened once; the error of each further statement refers to it.
    const reference = record?.reference ?? this.#lateUses.get(checkout)
    if (reference !== undefined) this.#lateUses.set(checkout, reference)
    return tolerated(new SessionReleasedError(reference))
  }

  #report<Subject>(
    rule: Rule<Subject>,
    checkout: Checkout,
    hint: string,
    sentFrom?: CapturedStack,
  ): FindingRecord | undefined {
    const eventOrigin = originOf(sentFrom, captureStack())
    const scope = this.#ledger.currentScope()
    const record = this.#enforcer.open(rule, checkout, hint, { momentary: true, eventOrigin, scope })
    if (record === undefined) return undefined
    if (record.evidence.remedy === 'refuse') record.remedied('refused', undefined)
    this.#announcer.finding(record)
    return record
  }
}

excludeInBundle(LateActJudge)
