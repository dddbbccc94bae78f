import type { Checkout } from '../core/checkout.ts'
import { Inheritance, type InheritedAnswer } from './inheritance.ts'

/** An owner that released before the server had answered. */
export interface UnsettledRelease {
  readonly checkout: Checkout
  /** Whether the transaction was already open when it got the client. */
  inherited: boolean
}

interface UncleanRelease {
  /** Undefined if the release was before `watch`. */
  readonly checkout: Checkout | undefined
  unanswered: number
  readonly inheritance: Inheritance
}

/** An owner that has left its session unclean, and the consequences so far. */
export interface Aftermath {
  readonly checkout: Checkout
  /** The damage to later owners, in a sentence. */
  readonly aftermath: string | undefined
}

/** The limit for a session that many owners leave unclean and nobody cleans. */
const mostReleases = 50

/** Owners that released a session before it was clean. Their findings are open until the session is clean. */
export class UncleanReleases {
  #releases: UncleanRelease[] = []

  /** `unanswered` is the number of statements running or queued when the guard first saw the session. */
  constructor(unanswered: number) {
    if (unanswered > 0) this.#add(undefined, unanswered)
  }

  get isEmpty(): boolean {
    return this.#releases.length === 0
  }

  /** The sender of the statement that is being answered: a former owner, or else the present one. */
  senderOf(present: Checkout | undefined): Checkout | undefined {
    if (this.#releases.length === 0) return present
    const former = this.#releases.find(({ unanswered }) => unanswered > 0)
    return former === undefined ? present : former.checkout
  }

  /** Whether the statement that is being answered was sent by a former owner. */
  get isFormers(): boolean {
    return this.#releases.some(({ unanswered }) => unanswered > 0)
  }

  /** `unanswered` is the number of statements that the owner left running or queued. Returns those beyond the limit. */
  add(checkout: Checkout, unanswered: number): Aftermath[] {
    this.#add(checkout, unanswered)
    return known(this.#releases.splice(0, this.#releases.length - mostReleases), 'none')
  }

  /** Records a later owner's statement that was answered inside the transaction. */
  inherited(answer: InheritedAnswer): Aftermath[] {
    for (const { inheritance } of this.#releases) inheritance.note(answer)
    return known(this.#releases, 'none')
  }

  /** Records an answered statement and the state of the transaction. Returns the owners whose session is clean now. */
  answered(letter: string, isCommit: boolean): Aftermath[] {
    for (const release of this.#releases) release.unanswered = Math.max(0, release.unanswered - 1)
    if (letter !== 'I') return []
    const clean = this.#releases.filter(({ unanswered }) => unanswered === 0)
    this.#releases = this.#releases.filter(({ unanswered }) => unanswered > 0)
    return known(clean, isCommit ? 'committed' : 'lost')
  }

  /** Removes and returns all of them. */
  takeAll(): Aftermath[] {
    return known(this.#releases.splice(0), 'lost')
  }

  #add(checkout: Checkout | undefined, unanswered: number): void {
    this.#releases.push({ checkout, unanswered, inheritance: new Inheritance() })
  }
}

function known(releases: readonly UncleanRelease[], end: 'none' | 'committed' | 'lost'): Aftermath[] {
  return releases.flatMap(({ checkout, inheritance }) =>
    checkout === undefined ? [] : { checkout, aftermath: inheritance.describe(end) },
  )
}
