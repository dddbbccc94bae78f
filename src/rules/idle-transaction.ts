import type { Checkout } from '../core/checkout.ts'
import type { ClientControl } from '../core/client-control.ts'
import type { TimedRule } from '../core/findings/rule.ts'
import { opensTransaction } from '../sql/statement.ts'
import { describeMillis } from '../text/duration.ts'
import { maybeSecondClient, secondClientHint } from './second-client.ts'

/** A transaction is open or failed, and no statement has been running for the limit. */
export function idleTransaction(limitMillis: number): TimedRule {
  return {
    kind: 'idle-transaction',
    certainty: 'suspected',
    dueAt: (checkout, now) => (inOwnTransaction(checkout) ? checkout.idleSince : now) + limitMillis,
    judge(checkout, now) {
      const control = inOwnTransaction(checkout)
      if (control === undefined) return undefined
      // The time is compared first: `work` is slower, and a sweep may judge thousands of checkouts.
      if (now - checkout.idleSince < limitMillis) return undefined
      // After an error the driver finishes a statement before the server does.
      if (control.work() !== 'none' || !control.isReady()) return undefined
      return hint(checkout, now)
    },
  }
}

/** The client, if its owner has a transaction open. One that inherited it did not open it, and need not know about it. */
export function inOwnTransaction({ control }: Checkout): ClientControl | undefined {
  return control === undefined || control.transaction === 'idle' || control.inherited ? undefined : control
}

function hint(checkout: Checkout, now: number): string {
  const { control, lastQuery } = checkout
  const nested = secondClientHint(checkout, now)
  if (nested !== undefined) return nested
  const idle = describeMillis(now - checkout.idleSince)
  if (control?.transaction === 'failed') {
    return `a statement failed ${idle} ago, and neither ROLLBACK nor release followed: the error path needs one`
  }
  if (lastQuery !== undefined && opensTransaction(lastQuery)) {
    return `nothing followed BEGIN for ${idle}: the code between BEGIN and the first statement is still waiting, threw or returned`
  }
  return `neither COMMIT nor ROLLBACK followed the last statement for ${idle}: an early return, a missing finally, or a slow call inside the transaction${maybeSecondClient(checkout)}`
}
