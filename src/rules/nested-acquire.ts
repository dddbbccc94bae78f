import type { Rule, ScopedWait } from '../core/findings/rule.ts'
import { describeMillis } from '../text/duration.ts'

/** The minimum wait: a busy pool causes shorter ones. */
const waitMillis = 250

/** A scope that holds a client of the pool waits for another one. */
export const nestedAcquire: Rule<ScopedWait> = {
  kind: 'nested-acquire',
  certainty: 'suspected',
  judge({ waiter, holdings }, now) {
    const waited = now - waiter.requestedAt
    if (waited < waitMillis || holdings.length === 0) return undefined
    const [held, remedy] =
      holdings.length === 1 ? ['a client', 'pass it on'] : [`${holdings.length} clients`, 'pass one on']
    const scope = waiter.scope?.kind ?? 'scope'
    return `a caller has been waiting for ${describeMillis(waited)} while its ${scope} holds ${held}: ${remedy} instead of asking the pool again`
  },
}
