import type { Checkout, CheckoutPool } from '../core/checkout.ts'
import type { Rule } from '../core/findings/rule.ts'
import type { Scope } from '../core/scope.ts'

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
    for (const holder of pool.out) if (isWorking(holder)) return undefined
    const latest = latestWaits(pool, now)
    for (const { scope, idleSince } of pool.out) {
      const since = scope && latest.get(scope)
      if (since === undefined || idleSince > since) return undefined
    }
    const scopes = new Set([...pool.out].map(({ scope }) => scope)).size
    const clients = max === 1 ? 'the only client is' : `all ${max} clients are`
    const who =
      scopes === 1
        ? 'the only scope that could release one waits for itself'
        : `the ${scopes} scopes that could release one wait for each other`
    return `${clients} held by work that waits for another client of this pool: ${who}`
  },
}

function isWorking({ scope, phase, control }: Checkout): boolean {
  return scope === undefined || phase !== 'out' || control === undefined || control.work() !== 'none'
}

/** The start of the last long wait in each scope and in those around it. */
function latestWaits({ waiters }: CheckoutPool, now: number): ReadonlyMap<Scope, number> {
  const latest = new Map<Scope, number>()
  // In the order of their arrival.
  for (const { scope, requestedAt } of waiters) {
    if (now - requestedAt < stillMillis) break
    for (let around = scope; around !== undefined; around = around.parent) latest.set(around, requestedAt)
  }
  return latest
}
