import type { Rule, ScopedWait } from '../core/findings/rule.ts'
import { describeMillis } from '../text/duration.ts'

/** A busy pool makes a scope wait that long, too. */
const waitMillis = 250

/** A scope that holds a client of the pool waits for another one. */
export const nestedAcquire: Rule<ScopedWait> = {
  kind: 'nested-acquire',
  certainty: 'suspected',
  judge({ waiter, holdings }, now) {
    const waited = now - waiter.requestedAt
    if (waited < waitMillis || holdings.length === 0) return undefined
    const held = holdings.length === 1 ? 'one' : String(holdings.length)
    return `has been waiting ${describeMillis(waited)} for a client while its ${waiter.scope?.kind ?? 'scope'} holds ${held}: pass the client on instead of asking the pool again`
  },
}
