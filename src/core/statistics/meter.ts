import type { Checkout, CheckoutPool } from '../checkout.ts'

/**
 * Counts and times events. Called for every checkout: it must be fast, and must not throw.
 * Durations are milliseconds of active time.
 */
export interface Meter {
  /** Also counts the statements of `pool.query`, which have no checkout. */
  readonly statements: boolean
  /** A connection was opened. */
  connected(pool: CheckoutPool, millis: number): void
  /** A caller got a client. Without a checkout it is a statement of `pool.query`. */
  acquired(pool: CheckoutPool, waitedMillis: number, checkout?: Checkout): void
  /** A caller got the pool's timeout error instead. */
  timedOut(pool: CheckoutPool): void
  /** A client was released, or taken back by a remedy. */
  released(pool: CheckoutPool, heldMillis: number, checkout?: Checkout): void
}

/** One meter that calls all of them; undefined, and free, if there are none. */
export function joinMeters(meters: readonly Meter[]): Meter | undefined {
  const [only] = meters
  if (meters.length <= 1) return only
  const counting = meters.filter(({ statements }) => statements)
  return {
    statements: counting.length > 0,
    connected: (pool, millis) => {
      for (const one of meters) one.connected(pool, millis)
    },
    acquired: (pool, waitedMillis, checkout) => {
      for (const one of checkout === undefined ? counting : meters) one.acquired(pool, waitedMillis, checkout)
    },
    timedOut: (pool) => {
      for (const one of meters) one.timedOut(pool)
    },
    released: (pool, heldMillis, checkout) => {
      for (const one of checkout === undefined ? counting : meters) one.released(pool, heldMillis, checkout)
    },
  }
}
