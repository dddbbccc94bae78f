import { type Checkout, type CheckoutData, checkoutData } from './checkout.ts'
import type { Finding } from './findings/finding.ts'
import { deepFreeze } from './freeze.ts'
import type { Ledger } from './ledger.ts'
import type { Origin } from './origin/origin.ts'
import type { Scope, ScopeData } from './scope.ts'

/** A watched pool at one moment. */
export interface PoolSnapshot {
  readonly name: string
  /** Open connections, checked out or idle; absent where the pool does not say. */
  readonly total?: number
  readonly idle?: number
  /** Callers in the pool's own queue. */
  readonly waiting: number
  readonly max?: number
  readonly min?: number
  /** The number of clients that are checked out, without statements of `pool.query`. */
  readonly out: number
  /** `end()` was called. */
  readonly ending: boolean
}

/** An open checkout, or a caller that waits in a full pool. */
export interface CheckoutSnapshot extends CheckoutData {
  readonly pool: string
  readonly origin?: Origin
  readonly transactionOrigin?: Origin
  readonly scope?: ScopeData
}

/** All present data of a lifeguard, frozen, plain and JSON-safe. */
export interface Snapshot {
  /** Milliseconds since 1970. */
  readonly takenAt: number
  readonly mode: 'observe' | 'enforce'
  readonly pools: readonly PoolSnapshot[]
  /** Per pool: the longest-held first, then the waiting callers. */
  readonly checkouts: readonly CheckoutSnapshot[]
  /** The open findings, then the last 200 that have resolved. */
  readonly findings: readonly Finding[]
}

export function takeSnapshot(ledger: Ledger, mode: Snapshot['mode']): Snapshot {
  const pools: PoolSnapshot[] = []
  const checkouts: CheckoutSnapshot[] = []
  for (const pool of ledger.pools) {
    const { total, idle, waiting, max, min } = pool.gauge()
    pools.push({
      name: pool.name,
      ...(total === undefined ? {} : { total }),
      ...(idle === undefined ? {} : { idle }),
      waiting,
      ...(max === undefined ? {} : { max }),
      ...(min === undefined ? {} : { min }),
      out: pool.out.size,
      ending: pool.endingSince !== undefined,
    })
    for (const checkout of [...pool.out, ...pool.waiters]) checkouts.push(describeCheckout(ledger, checkout))
  }
  return deepFreeze({
    takenAt: ledger.time.epochMillis(ledger.time.now()),
    mode,
    pools,
    checkouts,
    findings: ledger.findings.all(),
  })
}

/** The checkouts of a scope and of the scopes inside it, held or waited for. */
export function scopeCheckouts(ledger: Ledger, scope: Scope): readonly CheckoutSnapshot[] {
  const checkouts: CheckoutSnapshot[] = []
  for (const pool of ledger.pools) {
    for (const checkout of [...pool.out, ...pool.waiters]) {
      if (scope.encloses(checkout.scope)) checkouts.push(describeCheckout(ledger, checkout))
    }
  }
  return deepFreeze(checkouts)
}

function describeCheckout(ledger: Ledger, checkout: Checkout): CheckoutSnapshot {
  const { origin, transactionOrigin } = checkout
  return {
    pool: checkout.pool.name,
    ...checkoutData(checkout, ledger.time, ledger.queryText),
    ...(origin === undefined ? {} : { origin }),
    ...(transactionOrigin === undefined ? {} : { transactionOrigin }),
    ...(checkout.scope === undefined ? {} : { scope: checkout.scope.data() }),
  }
}
