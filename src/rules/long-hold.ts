import type { Checkout } from '../core/checkout.ts'
import type { TimedRule } from '../core/findings/rule.ts'
import { describeMillis } from '../text/duration.ts'
import { lostByLibrary } from './library-fault.ts'
import { maybeSecondClient, secondClientHint } from './second-client.ts'

/** A client has been checked out for the limit. */
export function longHold(limitMillis: number): TimedRule {
  return {
    kind: 'long-hold',
    certainty: 'suspected',
    dueAt: ({ acquiredAt }) => acquiredAt + limitMillis,
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
  switch (control?.work()) {
    case 'portal':
      return 'a cursor or query stream is still open: read it to its end, close it or destroy it'
    case 'copy':
      return 'a COPY is still running: its source has not ended, or has failed or stalled'
    case 'query':
      return busyHint(checkout, now)
  }
  const nested = secondClientHint(checkout, now)
  if (nested !== undefined) return nested
  if (checkout.queryCount === 0)
    return 'it was never used: acquired only to open the pool, or the code threw before the first statement'
  const fault = lostByLibrary(checkout)
  if (fault !== undefined) return fault
  if (checkout.lastQueryFailed)
    return `its last statement failed ${idle} ago and release was not reached: call release in finally`
  if (control?.transaction !== 'idle' && control?.inherited !== true)
    return `its transaction is still open and has been idle for ${idle}: neither COMMIT nor ROLLBACK was reached`
  return `idle for ${idle} after its last statement: release is missing on some path, or slow work comes before it${maybeSecondClient(checkout)}`
}

/** The hint if a statement is running, which need not be the cause of the long hold. */
function busyHint({ acquiredAt, busySince, busyMillis, queryCount }: Checkout, now: number): string {
  const held = now - acquiredAt
  const running = now - busySince
  if (running > held / 2)
    return `one statement has been running for ${describeMillis(running)}: it is slow, or waits for a lock`
  const statements = queryCount === 1 ? 'its first statement' : `its statement number ${queryCount}`
  return busyMillis + running > held / 2
    ? `${statements} is running: many statements in a row; release the client between them`
    : `${statements} is running, after slow work outside the database: acquire the client after that work`
}
