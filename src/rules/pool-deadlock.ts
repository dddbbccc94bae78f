import type { Checkout, CheckoutPool } from '../core/checkout.ts'
import type { Rule } from '../core/findings/rule.ts'

/** The minimum time without progress: longer than most calls to other services, and reported within a second. */
const stillMillis = 500

/**
 * The pool is full, and the scope of every holder waits for a client of it. Parallel work in one scope may still make
 * progress, so it counts only if no holder has made any since its scope began to wait.
 */
export const poolDeadlock: Rule<CheckoutPool> = {
  kind: 'pool-deadlock',
  certainty: 'certain',
  judge(pool, now) {
    const { max } = pool.gauge()
    if (max === undefined || pool.out.size < max) return undefined
    for (const holder of pool.out) if (!isStuck(holder, pool, now)) return undefined
    const scopes = new Set([...pool.out].map(({ scope }) => scope)).size
    const clients = max === 1 ? 'the only client is' : `all ${max} clients are`
    const who =
      scopes === 1
        ? 'the only scope that could release one waits for itself'
        : `the ${scopes} scopes that could release one wait for each other`
    return `${clients} held by work that waits for another client of this pool: ${who}`
  },
}

function isStuck(holder: Checkout, pool: CheckoutPool, now: number): boolean {
  const { scope, control } = holder
  if (scope === undefined || holder.phase !== 'out' || control === undefined || control.work() !== 'none')
    return false
  for (const waiter of pool.waiters) {
    if (!scope.encloses(waiter.scope) || now - waiter.requestedAt < stillMillis) continue
    if (holder.idleSince <= waiter.requestedAt) return true
  }
  return false
}
