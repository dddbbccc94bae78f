/**
 * Callers that have waited since before the guard was on. They are left alone: their line is not known, and the clients
 * that they get are as much out of sight as those that were out already.
 */
export class Strangers {
  #waiting: number
  /** Callers of ours for whom the pool has opened a connection at once. */
  #opening = 0

  constructor(waiting: number) {
    this.#waiting = waiting
  }

  get areWaiting(): boolean {
    return this.#waiting > 0
  }

  /** A caller of ours asks while they wait. `total`: how many connections the pool has. */
  ask<Answer>(acquire: () => Answer, total: () => number): Answer {
    const before = total()
    const answer = acquire()
    if (total() > before) this.#opening += 1
    return answer
  }

  /** Whether the client that goes out now is for one of them. `isNew`: it was opened for whoever gets it. */
  isServed(isNew: boolean): boolean {
    // The pool serves its queue in order, and strangers stand in front; only a caller with a connection of its own overtakes.
    if (isNew && this.#opening > 0) {
      this.#opening -= 1
      return false
    }
    if (this.#waiting === 0) return false
    this.#waiting -= 1
    return true
  }
}
