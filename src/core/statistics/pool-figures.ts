import type { CheckoutPool } from '../checkout.ts'
import type { Ledger } from '../ledger.ts'

/** The figures of the pools of one name, for a dashboard. Durations are milliseconds of active time. */
export interface PoolFigures {
  readonly name: string
  /** Undefined if the pool does not say. */
  readonly idle: number | undefined
  /** Clients that are checked out, or being opened for a caller. */
  readonly used: number
  readonly waiting: number
  readonly max: number | undefined
  readonly min: number | undefined
  /** Checkouts whose transaction is open or failed. */
  readonly transactions: number
  readonly oldestTransactionMillis: number
  readonly oldestCheckoutMillis: number
}

/**
 * Computes the figures without formatting any stack, so that a call every few seconds is cheap. Exempted checkouts,
 * which are held for long by design, do not count for the maximum ages.
 */
export function poolFigures(ledger: Ledger): PoolFigures[] {
  const now = ledger.time.now()
  const byName = new Map<string, PoolFigures>()
  for (const pool of ledger.pools) {
    const { total, idle, waiting, max, min } = pool.gauge()
    let transactions = 0
    let oldestTransactionMillis = 0
    let oldestCheckoutMillis = 0
    for (const { control, acquiredAt, exemption } of pool.out) {
      const isOpen = control !== undefined && control.transaction !== 'idle'
      if (isOpen) transactions += 1
      if (exemption !== undefined) continue
      oldestCheckoutMillis = Math.max(oldestCheckoutMillis, now - acquiredAt)
      if (isOpen) oldestTransactionMillis = Math.max(oldestTransactionMillis, now - control.transactionSince)
    }
    const same = byName.get(pool.name)
    byName.set(pool.name, {
      name: pool.name,
      idle: sum(idle, same?.idle),
      used: usedOf(total, idle, pool.out.size) + (same?.used ?? 0),
      waiting: waiting + (same?.waiting ?? 0),
      max: sum(max, same?.max),
      min: sum(min, same?.min),
      transactions: transactions + (same?.transactions ?? 0),
      oldestTransactionMillis: Math.max(oldestTransactionMillis, same?.oldestTransactionMillis ?? 0),
      oldestCheckoutMillis: Math.max(oldestCheckoutMillis, same?.oldestCheckoutMillis ?? 0),
    })
  }
  return [...byName.values()]
}

/** How many clients its callers want at this moment: those in use, and those that callers wait for. */
export function demandOn(pool: CheckoutPool): number {
  const { total, idle, waiting } = pool.gauge()
  return usedOf(total, idle, pool.out.size) + waiting
}

/** If the pool does not expose them, only those of checkouts are known. */
function usedOf(total: number | undefined, idle: number | undefined, out: number): number {
  return total === undefined || idle === undefined ? out : Math.max(0, total - idle)
}

function sum(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined ? other : one + (other ?? 0)
}
