import type { Checkout } from '../core/checkout.ts'

/** An owner that released before the server had answered. */
export interface UnsettledRelease {
  readonly checkout: Checkout
  /** Whether it had got the client with a transaction open. */
  readonly inherited: boolean
}

/** Owners that released a session before it was clean. The finding of each is open until it is. */
export class UncleanReleases {
  #releases: { readonly checkout: Checkout; unanswered: number }[] = []

  get isEmpty(): boolean {
    return this.#releases.length === 0
  }

  /** Whose statement it is that is being answered, if it is a former owner's. */
  get answering(): Checkout | undefined {
    return this.#releases.find(({ unanswered }) => unanswered > 0)?.checkout
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
    return clean.map(({ checkout }) => checkout)
  }

  /** Forgets all of them, and returns them. */
  takeAll(): Checkout[] {
    return this.#releases.splice(0).map(({ checkout }) => checkout)
  }
}
