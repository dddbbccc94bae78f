/** The difference of two readings of one moment, from clocks that are read one after the other. */
const jitterMillis = 250

/** Keeps a moment as it was first computed, so that an item whose facts are the same stays the same. */
export class Steady {
  #moments = new Map<string, number>()
  #seen = new Map<string, number>()

  at(key: string, moment: number): number {
    const known = this.#moments.get(key)
    const kept = known !== undefined && Math.abs(known - moment) <= jitterMillis ? known : Math.round(moment)
    this.#seen.set(key, kept)
    return kept
  }

  /** Forgets the moments that were not asked for since the last call. */
  turn(): void {
    this.#moments = this.#seen
    this.#seen = new Map()
  }
}
