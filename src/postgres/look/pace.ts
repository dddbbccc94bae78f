import { setTimeout as sleep } from 'node:timers/promises'

/** The clock and the random numbers of a long-running command; tests replace them. */
export interface Pace {
  /** Monotonic, in milliseconds. */
  now(): number
  /** Waits; resolves early when the signal fires. */
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
 * The pause before attempt number `attempt`, counted from 0: doubled each time up to `most`, and up to 25 % longer or
 * shorter at random, so that processes that failed together do not retry together.
 */
export function growingPause(attempt: number, { first, most }: GrowingPause, random: number): number {
  return Math.round(Math.min(first * 2 ** attempt, most) * (0.75 + random / 2))
}

export interface GrowingPause {
  readonly first: number
  readonly most: number
}
