import type { Checkout } from '../core/checkout.ts'
import type { Rule } from '../core/findings/rule.ts'
import { describeMillis } from '../text/duration.ts'

/** A client has been checked out for the limit. */
export function longHold(limitMillis: number): Rule<Checkout> {
  return {
    kind: 'long-hold',
    certainty: 'suspected',
    judge(checkout, now) {
      return now - checkout.acquiredAt < limitMillis ? undefined : hint(checkout, now)
    },
  }
}

function hint(checkout: Checkout, now: number): string {
  const { control } = checkout
  const idle = describeMillis(now - checkout.idleSince)
  if (checkout.via === 'pool.query')
    return 'pool.query never releases the client of a cursor or COPY stream: use pool.connect and release'
  if (control?.gone === true)
    return 'its connection is closed, but the slot stays taken until release is called: client.end() does not replace it'
  switch (control?.work()) {
    case 'portal':
      return 'a cursor or query stream is still open: read it to its end, close it or destroy it'
    case 'copy':
      return 'a COPY is still running: did its source end, fail or stall?'
    case 'query':
      return `one statement has been running for ${describeMillis(now - checkout.busySince)}: it is slow, or waits for a lock`
  }
  if (checkout.queryCount === 0)
    return 'it was never used: acquired only to open the pool, or the code threw before the first statement'
  if (checkout.lastQueryFailed)
    return `its last statement failed ${idle} ago and release was not reached: call release in finally`
  if (control?.transaction !== 'idle')
    return `its transaction is still open and has been idle for ${idle}: neither COMMIT nor ROLLBACK was reached`
  return `idle for ${idle} after its last statement: release is missing on some path, or slow work comes before it`
}
