import type { Checkout } from '../checkout.ts'

/** Sees what a meter does not. Called on the way of statements: it must be fast, and must not throw. */
export interface FlightObserver {
  /** A transaction of an open checkout has ended. Times are active time. */
  transactionEnded(checkout: Checkout, since: number, now: number): void
  /** A caller has ended its wait without a client. */
  withdrawn(checkout: Checkout, resolution: string): void
}
