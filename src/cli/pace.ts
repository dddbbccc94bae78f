import { setTimeout as sleep } from 'node:timers/promises'

/** Time and chance of a command that runs for long. A test brings its own. */
export interface Pace {
  /** Monotonic, in milliseconds. */
  now(): number
  /** Ends early, and without an error, when the signal fires. */
  pause(millis: number, signal?: AbortSignal): Promise<void>
  /** From 0 up to 1. */
  random(): number
}

export const systemPace: Pace = {
  now: () => performance.now(),
  async pause(millis, signal) {
    try {
      await sleep(millis, undefined, signal === undefined ? {} : { signal })
    } catch (error) {
      if (signal?.aborted !== true) throw error
    }
  },
  random: Math.random,
}

/**
 * The pause before attempt number `attempt`, counted from 0: doubled each time up to `most`, and up to a quarter longer or
 * shorter by chance, so that those who failed together do not try again together.
 */
export function growingPause(attempt: number, { first, most }: GrowingPause, random: number): number {
  return Math.round(Math.min(first * 2 ** attempt, most) * (0.75 + random / 2))
}

export interface GrowingPause {
  readonly first: number
  readonly most: number
}
