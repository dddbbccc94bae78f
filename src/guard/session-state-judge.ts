import type { Checkout } from '../core/checkout.ts'
import type { CheckoutEvents, Verdict } from '../core/checkout-events.ts'
import type { ClientControl } from '../core/client-control.ts'
import type { FindingRecord } from '../core/findings/finding-record.ts'
import type { Release } from '../core/findings/rule.ts'
import type { Ledger } from '../core/ledger.ts'
import { type CapturedStack, originOf } from '../core/origin/origin.ts'
import type { LeftItem } from '../core/session-state/changes.ts'
import { differences, type SessionContents } from '../core/session-state/contents.ts'
import { describeItem, itemKey, type SessionItem } from '../core/session-state/item.ts'
import type { Settings } from '../options.ts'
import { lookAt } from '../remedies/reset.ts'
import { sessionState } from '../rules/session-state.ts'
import type { Announcer } from './announcer.ts'
import type { Enforcer } from './enforcer.ts'

const nothing: SessionContents = new Map()

/** Judges the state that owners leave in their sessions: by their statements, by asking the server, or both. */
export class SessionStateJudge {
  readonly interest: CheckoutEvents['sessionState']
  readonly #settings: Settings
  readonly #ledger: Ledger
  readonly #announcer: Announcer
  readonly #enforcer: Enforcer

  constructor(settings: Settings, ledger: Ledger, announcer: Announcer, enforcer: Enforcer) {
    this.#settings = settings
    this.#ledger = ledger
    this.#announcer = announcer
    this.#enforcer = enforcer
    if (settings.sessionState === false) this.interest = 'ignored'
    else this.interest = settings.sessionState.verify ? 'by query' : 'by statement'
  }

  /** True if the server is asked at this release; in `observe` only with the option `verify`. */
  inspects({ changes }: ClientControl): boolean {
    if (this.interest === 'by query') return true
    return changes?.hasLeft === true && this.#settings.remedies['session-state'] !== 'report'
  }

  /** Reads the contents of a session that is handed out for the first time, or that could not be read before. */
  arriving(control: ClientControl): Promise<void> | undefined {
    if (this.interest !== 'by query' || control.contents !== undefined) return undefined
    // Inside a transaction that a former owner has left open, there is no valid state to compare with.
    if (control.transaction !== 'idle') return undefined
    const looked = lookAt(control, [], this.#settings.clock).then((contents) => {
      control.contents = contents
    })
    // The owner's first statement fails with the same error.
    return looked.catch(() => {})
  }

  /** Judges a release with no statement running and no open transaction. */
  leaving({ checkout, control }: Release): Verdict {
    const { changes } = control
    if (changes === undefined) return 'proceed'
    if (control.gone) return 'proceed'
    const isAtRest = control.work() === 'none' && control.transaction === 'idle'
    if (this.inspects(control) && isAtRest) return this.#enforcer.follow(this.#inspect(checkout, control))
    // The contents are unknown now, so the next owner is not blamed for a difference.
    if (!isAtRest) control.contents = undefined
    this.report(checkout, control)
    return 'proceed'
  }

  /** Reports the state that the owner's statements have left, without a remedy. */
  report(checkout: Checkout, { changes }: ClientControl): void {
    if (changes?.hasLeft !== true) return
    const left = changes.left(true).filter(({ item }) => !this.#ignores(item))
    const record = this.#open(checkout, itemsOf(left), left[0]?.stack)
    if (record !== undefined) this.#announcer.finding(record)
  }

  async #inspect(checkout: Checkout, control: ClientControl): Promise<'proceed' | 'destroyed'> {
    const sent = control.changes?.left(false) ?? []
    const before = control.contents
    const items = (await this.#itemsLeft(control)).filter((item) => !this.#ignores(item))
    const keys = keysOf(items)
    const record = this.#open(checkout, items, sent.find(({ item }) => keys.has(itemKey(item)))?.stack)
    if (record === undefined) return 'proceed'
    const remedy = this.#enforcer.applyToState(record, control, items, before)
    this.#announcer.finding(record, remedy)
    await remedy
    if (checkout.phase === 'destroyed') return 'destroyed'
    const resolution = { what: 'reset before the next owner could use it' }
    this.#ledger.findings.resolve(checkout, (kind) => kind === sessionState.kind, resolution)
    return 'proceed'
  }

  async #itemsLeft(control: ClientControl): Promise<readonly SessionItem[]> {
    const { changes, contents: before } = control
    if (changes === undefined) return []
    const seen = itemsOf(changes.left(false))
    let after: SessionContents
    try {
      after = await lookAt(control, seen, this.#settings.clock)
    } catch {
      // The contents are not read here, so the known ones are outdated.
      control.contents = undefined
      return itemsOf(changes.left(true))
    }
    if (this.interest === 'by query') {
      control.contents = after
      if (before !== undefined) return differences(before, after)
    }
    // A value of the application's set-up cannot be distinguished from one that this owner has restored by hand.
    const keys = keysOf(control.setUpByHost ? itemsOf(changes.left(true)) : seen)
    return differences(nothing, after).filter((item) => keys.has(itemKey(item)))
  }

  #open(
    checkout: Checkout,
    items: readonly SessionItem[],
    stack: CapturedStack | undefined,
  ): FindingRecord | undefined {
    const hint = sessionState.judge({ checkout, items }, 0)
    if (hint === undefined) return undefined
    return this.#enforcer.open(sessionState, checkout, hint, {
      left: items.map(describeItem),
      eventOrigin: originOf(stack),
      momentary: this.#settings.remedies[sessionState.kind] === 'report',
    })
  }

  #ignores({ kind, name }: SessionItem): boolean {
    const { sessionState: options } = this.#settings
    return options !== false && options.ignore.includes(kind === 'setting' ? name : kind)
  }
}

function itemsOf(left: readonly LeftItem[]): SessionItem[] {
  return left.map(({ item }) => item)
}

function keysOf(items: readonly SessionItem[]): ReadonlySet<string> {
  return new Set(items.map(itemKey))
}
