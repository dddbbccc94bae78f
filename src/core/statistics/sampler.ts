/** The number of events per second that are taken: each costs tens of microseconds. */
const perSecond = 50

/**
 * Selects a sample of events: every one while they are rare, a random one out of several when they are frequent, so
 * that the cost stays below a percent of the time.
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

  /** One event in so many is taken at present. */
  get interval(): number {
    return this.#interval
  }

  /** The number of events that this one represents; 0 if it is skipped. */
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
    // A burst raises the interval before its second ends.
    if (this.#takenInWindow > perSecond) {
      this.#interval *= 2
      this.#takenInWindow = 0
    }
    // Random around the interval: a fixed step might always select the same one of several alternating events.
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
