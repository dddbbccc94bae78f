import { AsyncResource } from 'node:async_hooks'
import type { CheckoutPool } from '../core/checkout.ts'
import type { Limits } from '../core/findings/limits.ts'
import type { Ledger } from '../core/ledger.ts'
import { systemClock } from '../core/time/clock.ts'

/** The longest period, because a limit must not be exceeded by more. */
const longestPeriodMillis = 200
const shortestPeriodMillis = 10
/** The timer stops after this time without open checkouts; not at once, because starting it costs more than a sweep. */
const patienceMillis = 5000
/** A sweep lets other work run after this time: thousands of findings at once must not block the event loop. */
const turnMillis = 10

/** The timer of all time limits. It runs only while a client is checked out or waited for. */
export interface Sweep {
  /** Starts the timer if it does not run. Called for every checkout. */
  wake(): void
  stop(): void
}

/** The period of the sweep: a tenth of the smallest limit, so that none is exceeded by more than that. */
export function sweepPeriod(limits: Limits): number {
  const smallest = Math.min(
    ...Object.values(limits).map((limit: number | false) => limit || Number.POSITIVE_INFINITY),
  )
  return Math.min(longestPeriodMillis, Math.max(shortestPeriodMillis, Math.floor(smallest / 10)))
}

/**
 * Calls `look` once a period, from the first `wake` until no client has been checked out for a while. Between its items,
 * it may be interrupted.
 */
export function startSweep(
  ledger: Ledger,
  period: number,
  look: () => Iterable<unknown>,
  elapsedMillis: () => number = systemClock.now,
): Sweep {
  const patience = Math.ceil(patienceMillis / period)
  // A timer keeps the context of the code that starts it: listeners would run in that of a request, which stays in
  // memory.
  const home = new AsyncResource('PG_LIFEGUARD_SWEEP')
  let cancel: (() => void) | undefined
  let idleSweeps = 0

  function schedule(work: () => void, millis: number): void {
    cancel = home.runInAsyncScope(() => ledger.clock.schedule(work, millis))
  }

  function sweep(): void {
    continueWith(look()[Symbol.iterator]())
  }

  function continueWith(items: Iterator<unknown>): void {
    ledger.time.tick()
    const end = elapsedMillis() + turnMillis
    while (items.next().done !== true) {
      // A listener has closed the lifeguard.
      if (cancel === undefined) return
      if (elapsedMillis() < end) continue
      schedule(() => continueWith(items), 0)
      return
    }
    idleSweeps = [...ledger.pools].every(isIdle) ? idleSweeps + 1 : 0
    if (idleSweeps < patience) {
      schedule(sweep, period)
      return
    }
    cancel = undefined
    ledger.time.rest()
  }

  return {
    wake() {
      if (cancel !== undefined) return
      idleSweeps = 0
      ledger.time.tick()
      schedule(sweep, period)
    },
    stop() {
      cancel?.()
      cancel = undefined
      ledger.time.rest()
    },
  }
}

function isIdle({ out, waiters }: CheckoutPool): boolean {
  return out.size === 0 && waiters.size === 0
}
