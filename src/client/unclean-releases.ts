import type { Checkout } from '../core/checkout.ts'
import { Inheritance, type InheritedAnswer } from './inheritance.ts'

/** An owner that released before the server had answered. */
export interface UnsettledRelease {
  readonly checkout: Checkout
  /** Whether it had got the client with a transaction open. */
  inherited: boolean
}

interface UncleanRelease {
  /** None if it was before the guard was on. */
  readonly checkout: Checkout | undefined
  unanswered: number
  readonly inheritance: Inheritance
}

/** An owner that has left its session unclean, and what is to be said of that now. */
export interface Aftermath {
  readonly checkout: Checkout
  /** What later owners suffered by it. */
  readonly aftermath: string | undefined
}

/** Each of many owners may leave the same session dirty, which nobody ever cleans. */
const mostReleases = 50

/** Owners that released a session before it was clean. The finding of each is open until it is. */
export class UncleanReleases {
  #releases: UncleanRelease[] = []

  /** `unanswered`: how many statements were running or queued when the guard first saw the session. */
  constructor(unanswered: number) {
    if (unanswered > 0) this.#add(undefined, unanswered)
  }

  get isEmpty(): boolean {
    return this.#releases.length === 0
  }

  /** Whose statement it is that is being answered: a former owner's, or else that of the present one. */
  senderOf(present: Checkout | undefined): Checkout | undefined {
    const former = this.#releases.find(({ unanswered }) => unanswered > 0)
    return former === undefined ? present : former.checkout
  }

  /** Whether the statement that is being answered is a former owner's. */
  get isFormers(): boolean {
    return this.#releases.some(({ unanswered }) => unanswered > 0)
  }

  /** `unanswered`: how many statements the owner had left running or queued. Returns those that are too many. */
  add(checkout: Checkout, unanswered: number): Aftermath[] {
    this.#add(checkout, unanswered)
    return known(this.#releases.splice(0, this.#releases.length - mostReleases), 'none')
  }

  /** A statement of a later owner was answered inside the transaction. */
  inherited(answer: InheritedAnswer): Aftermath[] {
    for (const { inheritance } of this.#releases) inheritance.note(answer)
    return known(this.#releases, 'none')
  }

  /** A statement has been answered, with this state of the transaction. Returns those whose session is clean now. */
  answered(letter: string, isCommit: boolean): Aftermath[] {
    for (const release of this.#releases) release.unanswered = Math.max(0, release.unanswered - 1)
    if (letter !== 'I') return []
    const clean = this.#releases.filter(({ unanswered }) => unanswered === 0)
    this.#releases = this.#releases.filter(({ unanswered }) => unanswered > 0)
    return known(clean, isCommit ? 'committed' : 'lost')
  }

  /** Forgets all of them, and returns them. */
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
