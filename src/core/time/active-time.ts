import type { Clock } from './clock.ts'

/** A gap longer than this many periods is a pause of the process, not a late timer. */
const tolerancePeriods = 2
const toleranceMillis = 50

/**
 * Time without the pauses of the process: it stops while the event loop is blocked, a debugger holds the process or the
 * machine sleeps. Limits are measured in it, so that a pause never causes a finding.
 *
 * A regular `tick` shows that the process is running. A reading that comes much later than the next tick was due
 * discounts the gap at once, so that a checkout right after a pause starts at the right time.
 */
export class ActiveTime {
  readonly #clock: Clock
  readonly #periodMillis: number
  // -0 is no integer to V8: with 0, it would compile all code that reads the time again at the first pause.
  #lostMillis = -0
  #lastTick = -0
  #lastReading = -0
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

  /** Records that the process is running, and that the next tick follows one period later. */
  tick(): void {
    const raw = this.#clock.now()
    if (raw > this.#suspectAfter) this.#discount(raw)
    this.#expectTick(raw)
  }

  /** Records that no ticks follow: a gap from here on is not a pause. */
  rest(): void {
    this.#suspectAfter = Number.POSITIVE_INFINITY
  }

  /** Converts a reading of `now` to milliseconds since 1970; off by the pauses after that reading. */
  epochMillis(reading: number): number {
    return Math.round(this.#clock.epochMillis() - (this.now() - reading))
  }

  #discount(raw: number): void {
    // One period of the gap is normal; until its last reading the process was running for certain.
    this.#lostMillis += Math.min(raw - this.#lastTick - this.#periodMillis, raw - this.#lastReading)
    this.#expectTick(raw)
  }

  #expectTick(raw: number): void {
    this.#lastTick = raw
    this.#lastReading = raw
    this.#suspectAfter = raw + this.#periodMillis * tolerancePeriods + toleranceMillis
  }
}
