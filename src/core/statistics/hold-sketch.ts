/** Two neighbouring bounds differ by a tenth. */
const ratio = 1.1
const logRatio = Math.log(ratio)
/** Shorter durations count as this. */
const smallestMillis = 0.1
/** Bounds up to a day; longer durations count as a day. */
const buckets = Math.ceil(Math.log((24 * 3_600_000) / smallestMillis) / logRatio) + 1

/**
 * A distribution of durations in fixed memory (1.7 kB): counts between bounds that grow by a tenth, as in a DDSketch.
 * The error of a quantile is at most 5 % between 0.1 ms and a day.
 */
export class HoldSketch {
  readonly #counts = new Float64Array(buckets)
  #total = 0
  #max = 0

  get max(): number {
    return this.#max
  }

  /** Adds a duration; `weight` is the number of durations that it represents. */
  add(millis: number, weight = 1): void {
    const index = Math.ceil(Math.log(millis / smallestMillis) / logRatio)
    const bucket = index > 0 ? Math.min(index, buckets - 1) : 0
    this.#counts[bucket] = (this.#counts[bucket] as number) + weight
    this.#total += weight
    if (millis > this.#max) this.#max = millis
  }

  /** The quantile for a part from 0 to 1; 0 without durations. */
  quantile(part: number): number {
    const rank = part * this.#total
    let seen = 0
    for (const [bucket, count] of this.#counts.entries()) {
      seen += count
      // The geometric middle of the bucket's bounds.
      if (count > 0 && seen >= rank)
        return Math.min((2 * smallestMillis * ratio ** bucket) / (1 + ratio), this.#max)
    }
    return this.#max
  }
}
