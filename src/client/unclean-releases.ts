import type { Checkout } from '../core/checkout.ts'

/** An owner that released before the server had answered. */
export interface UnsettledRelease {
  readonly checkout: Checkout
  /** Whether it had got the client with a transaction open. */
  readonly inherited: boolean
}

interface UncleanRelease {
  /** None if it was before the guard was on. */
  readonly checkout: Checkout | undefined
  unanswered: number
}

/** Owners that released a session before it was clean. The finding of each is open until it is. */
export class UncleanReleases {
  #releases: UncleanRelease[] = []

  /** `unanswered`: how many statements were running or queued when the guard first saw the session. */
  constructor(unanswered: number) {
    if (unanswered > 0) this.#releases.push({ checkout: undefined, unanswered })
  }

  get isEmpty(): boolean {
    return this.#releases.length === 0
  }

  /** Whose statement it is that is being answered: a former owner's, or else that of the present one. */
  senderOf(present: Checkout | undefined): Checkout | undefined {
    const former = this.#releases.find(({ unanswered }) => unanswered > 0)
    return former === undefined ? present : former.checkout
  }

  /** `unanswered`: how many statements the owner had left running or queued. */
  add(checkout: Checkout, unanswered: number): void {
    this.#releases.push({ checkout, unanswered })
  }

  /** A statement has been answered, with this state of the transaction. Returns those whose session is clean now. */
  answered(letter: string): Checkout[] {
    for (const release of this.#releases) release.unanswered = Math.max(0, release.unanswered - 1)
    if (letter !== 'I') return []
    const clean = this.#releases.filter(({ unanswered }) => unanswered === 0)
    this.#releases = this.#releases.filter(({ unanswered }) => unanswered > 0)
    return known(clean)
  }

  /** Forgets all of them, and returns them. */
  takeAll(): Checkout[] {
    return known(this.#releases.splice(0))
  }
}

function known(releases: readonly UncleanRelease[]): Checkout[] {
  return releases.flatMap(({ checkout }) => checkout ?? [])
}
