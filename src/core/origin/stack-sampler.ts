/** So many readings are needed before what they show is relied on. */
export const enoughRead = 50
const readAtATime = 2
/** Sweeps between two such times as long as they show nothing new, at most. */
const longestPause = 25

/**
 * Decides which stacks of a pool are read, because formatting one costs as much as twenty checkouts: the first ones, and
 * then a few at a time, ever more rarely as long as they show nothing new.
 */
export class StackSampler {
  #left = enoughRead
  #pause = 0
  #untilNext = 0

  /** Whether to read now. Counts as a reading if so. */
  take(): boolean {
    if (this.#left === 0) return false
    this.#left -= 1
    return true
  }

  /** A reading has shown something new: the next one comes soon. */
  quicken(): void {
    this.#pause = 0
    this.#untilNext = 0
  }

  /** Called by each sweep. */
  sweep(): void {
    if (this.#left > 0) return
    if (this.#untilNext > 0) {
      this.#untilNext -= 1
      return
    }
    this.#left = readAtATime
    this.#pause = Math.min(longestPause, 2 * this.#pause + 1)
    this.#untilNext = this.#pause
  }
}
