/** How many a second are looked at: each costs tens of microseconds. */
const perSecond = 50

/**
 * Decides which of many events are looked at more closely: every one while they are rare, a random one out of several
 * when they are not, so that looking costs a fraction of a percent of the time however many there are.
 */
export class Sampler {
  readonly #random: () => number
  #interval = 1
  #untilNext = 1
  #passed = 0
  #windowStart = Number.NEGATIVE_INFINITY
  #inWindow = 0
  #takenInWindow = 0

  constructor(random: () => number = Math.random) {
    this.#random = random
  }

  /** One of how many events is looked at now. */
  get interval(): number {
    return this.#interval
  }

  /** For how many events this one stands; 0 if it is passed over. */
  weigh(now: number): number {
    const elapsed = now - this.#windowStart
    if (elapsed >= 1000) this.#openWindow(now, elapsed)
    this.#inWindow += 1
    this.#passed += 1
    this.#untilNext -= 1
    if (this.#untilNext > 0) return 0
    const weight = this.#passed
    this.#passed = 0
    this.#takenInWindow += 1
    // A burst does not wait for the end of its second.
    if (this.#takenInWindow > perSecond) {
      this.#interval *= 2
      this.#takenInWindow = 0
    }
    // Uniform around the interval: a fixed step might always meet the same one of several that take turns.
    this.#untilNext = 1 + Math.floor(this.#random() * (2 * this.#interval - 1))
    return weight
  }

  #openWindow(now: number, elapsed: number): void {
    this.#interval = Math.max(1, Math.ceil((this.#inWindow * 1000) / elapsed / perSecond))
    this.#windowStart = now
    this.#inWindow = 0
    this.#takenInWindow = 0
  }
}
