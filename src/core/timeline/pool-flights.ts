import { Sampler } from '../statistics/sampler.ts'
import { Ring } from './ring.ts'
import type { TimelineLevel } from './timeline.ts'

/** The waits that the percentile is about. */
const mostWaits = 500
/** A pool without a limit may have any number of clients: the last lane is for all further ones. */
const mostSlots = 1_000

/** The recording of one pool. Its times are active time, except in `levels`. */
export class PoolFlights {
  readonly name: string
  readonly levels: Ring<TimelineLevel>
  readonly short = new Sampler()
  readonly long = new Sampler()
  omitted = 0
  max: number | undefined
  /** The lanes that are free; the one that was used last is taken first, so that there are few. */
  readonly #free: number[] = []
  #lanes = 0
  readonly #waits = new Float64Array(mostWaits)
  #waited = 0

  constructor(name: string, mostLevels: number) {
    this.name = name
    this.levels = new Ring(mostLevels)
  }

  noteWait(millis: number): void {
    this.#waits[this.#waited % mostWaits] = millis
    this.#waited += 1
  }

  get waitP95Millis(): number | undefined {
    const count = Math.min(this.#waited, mostWaits)
    if (count === 0) return undefined
    const sorted = this.#waits.slice(0, count).sort()
    return Math.round((sorted[Math.ceil(count * 0.95) - 1] ?? 0) * 10) / 10
  }

  /** Takes a lane that is free now. */
  take(): number {
    return this.#free.pop() ?? this.takeNew()
  }

  /** Takes a lane that was never used, for a checkout that is older than the recording of it. */
  takeNew(): number {
    const slot = Math.min(this.#lanes, mostSlots - 1)
    this.#lanes += 1
    return slot
  }

  free(slot: number): void {
    if (this.#lanes <= mostSlots) this.#free.push(slot)
  }
}
