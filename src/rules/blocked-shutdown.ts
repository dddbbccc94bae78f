import type { TimedRule } from '../core/findings/rule.ts'
import { describeMillis } from '../text/duration.ts'

/** `pool.end()` was called and waits for a client that is not released. */
export function blockedShutdown(graceMillis: number): TimedRule {
  return {
    kind: 'blocked-shutdown',
    certainty: 'certain',
    dueAt: ({ pool }) => (pool.endingSince ?? Number.POSITIVE_INFINITY) + graceMillis,
    judge({ pool }, now) {
      if (pool.endingSince === undefined || now - pool.endingSince < graceMillis) return undefined
      const waited = describeMillis(now - pool.endingSince)
      return `pool.end() has been waiting for this client for ${waited}${queued(pool.waiters.size)}`
    },
  }
}

function queued(callers: number): string {
  if (callers === 0) return ''
  return `; ${callers} queued ${callers === 1 ? 'caller' : 'callers'} will never get a client`
}
