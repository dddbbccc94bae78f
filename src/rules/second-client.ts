import type { Checkout } from '../core/checkout.ts'
import { describeMillis } from '../text/duration.ts'

/** The hint for a holder whose own scope waits for another client of the pool. */
export function secondClientHint(checkout: Checkout, now: number): string | undefined {
  const { scope, pool, idleSince } = checkout
  if (scope === undefined) return undefined
  for (const waiter of pool.waiters) {
    if (!scope.encloses(waiter.scope) || idleSince > waiter.requestedAt) continue
    const waited = describeMillis(now - waiter.requestedAt)
    return `its ${scope.kind} has been waiting ${waited} for another client of this pool: pass this one on instead of asking the pool again`
  }
  return undefined
}

/** The hint for a checkout without a scope: one of the waiting callers may be its own code. */
export function maybeSecondClient({ scope, pool, idleSince }: Checkout): string {
  if (scope !== undefined) return ''
  const callers = [...pool.waiters].filter((waiter) => waiter.requestedAt >= idleSince).length
  if (callers === 0) return ''
  return `, or a wait for a second client (${callers} ${callers === 1 ? 'caller waits' : 'callers wait'} for one)`
}
