/**
 * Callers that were already waiting when the pool became watched. They are left alone: their line is not known, and the
 * clients that they get are as unknown as those that were checked out before.
 */
export class Strangers {
  #waiting: number
  /** The number of guarded callers for whom the pool has opened a connection at once. */
  #opening = 0

  constructor(waiting: number) {
    this.#waiting = waiting
  }

  get areWaiting(): boolean {
    return this.#waiting > 0
  }

  /** A guarded caller asks while strangers wait. `total` returns the number of connections of the pool. */
  ask<Answer>(acquire: () => Answer, total: () => number): Answer {
    const before = total()
    const answer = acquire()
    if (total() > before) this.#opening += 1
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
}
