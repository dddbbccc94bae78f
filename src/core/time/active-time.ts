import type { Clock } from './clock.ts'

/** A gap longer than this many periods is a pause of the process, not a late timer. */
const tolerancePeriods = 2
const toleranceMillis = 50

/**
 * Time as the process lived through it: while the event loop was blocked, a debugger held the process or the machine
 * slept, this time stood still. Limits are measured in it, so that a pause never turns into a verdict.
 *
 * A regular `tick` proves that the process is alive. A reading that comes much later than the next tick was due
 * discounts the gap at once, so that a checkout made right after a pause starts at the right time.
 */
export class ActiveTime {
  readonly #clock: Clock
  readonly #periodMillis: number
  #lostMillis = 0
  #lastTick = 0
  #lastReading = 0
  #suspectAfter = Number.POSITIVE_INFINITY

  constructor(clock: Clock, periodMillis: number) {
    this.#clock = clock
    this.#periodMillis = periodMillis
  }

  /** Milliseconds without pauses. */
  now(): number {
    const raw = this.#clock.now()
    if (raw > this.#suspectAfter) this.#discount(raw)
    this.#lastReading = raw
    return raw - this.#lostMillis
  }

  /** Says that the process was alive just now, and that another tick follows one period later. */
  tick(): void {
    const raw = this.#clock.now()
    if (raw > this.#suspectAfter) this.#discount(raw)
    this.#expectTick(raw)
  }

  /** No ticks follow: from here on a gap means nothing. */
  rest(): void {
    this.#suspectAfter = Number.POSITIVE_INFINITY
  }

  /** Milliseconds since 1970 of a reading of `now`; off by the pauses that came after it. */
  epochMillis(reading: number): number {
    return Math.round(this.#clock.epochMillis() - (this.now() - reading))
  }

  #discount(raw: number): void {
    // One period of the gap is what a process at work would have had; up to its last reading it was at work for sure.
    this.#lostMillis += Math.min(raw - this.#lastTick - this.#periodMillis, raw - this.#lastReading)
    this.#expectTick(raw)
  }

  #expectTick(raw: number): void {
    this.#lastTick = raw
    this.#lastReading = raw
    this.#suspectAfter = raw + this.#periodMillis * tolerancePeriods + toleranceMillis
  }
}
