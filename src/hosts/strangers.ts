import type { PoolGauge } from '../core/pool-record.ts'

/**
 * Callers that were already waiting when the pool became watched. They are left alone: their line is not known, and the
 * clients that they get are as unknown as those that were checked out before.
 */
export class Strangers {
  readonly #gauge: () => PoolGauge
  #waiting: number
  /** The number of guarded callers for whom the pool has opened a connection at once. */
  #opening = 0

  constructor(gauge: () => PoolGauge) {
    this.#gauge = gauge
    this.#waiting = gauge().waiting
  }

  get areWaiting(): boolean {
    return this.#waiting > 0
  }

  /** A guarded caller asks while strangers wait. */
  ask<Answer>(acquire: () => Answer): Answer {
    const before = this.#connections()
    const answer = acquire()
    if (this.#connections() > before) this.#opening += 1
    return answer
  }

  /** Whether the client that goes out now is for a stranger. `isNew`: it was opened for the caller that gets it. */
  isServed(isNew: boolean): boolean {
    // The pool serves its queue in order, strangers first; only a caller for whom a connection was opened overtakes them.
    if (isNew && this.#opening > 0) {
      this.#opening -= 1
      return false
    }
    if (this.#waiting === 0) return false
    this.#waiting -= 1
    return true
  }

  #connections(): number {
    return this.#gauge().total ?? 0
  }
}
