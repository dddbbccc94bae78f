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
  /** The end of the last checkout in each lane; infinite while one is out. */
  readonly #ends: number[] = []
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

  /** Takes a lane that has been free since then. */
  take(since: number): number {
    const free = this.#ends.findIndex((end) => end <= since)
    const slot = free === -1 ? Math.min(this.#ends.length, mostSlots - 1) : free
    this.#ends[slot] = Number.POSITIVE_INFINITY
    return slot
  }

  free(slot: number, now: number): void {
    this.#ends[slot] = now
  }
}
