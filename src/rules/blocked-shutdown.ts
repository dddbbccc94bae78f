import type { Checkout } from '../core/checkout.ts'
import type { Rule } from '../core/findings/rule.ts'
import { describeMillis } from '../text/duration.ts'

/** `pool.end()` was called and waits for a client that nobody gives back. */
export function blockedShutdown(graceMillis: number): Rule<Checkout> {
  return {
    kind: 'blocked-shutdown',
    certainty: 'certain',
    judge({ pool }, now) {
      if (pool.endingSince === undefined || now - pool.endingSince < graceMillis) return undefined
      const never =
        pool.waiters.size > 0 ? `; ${pool.waiters.size} queued callers will never be answered` : ''
      return `pool.end() has been waiting for this client for ${describeMillis(now - pool.endingSince)}${never}`
    },
  }
}
