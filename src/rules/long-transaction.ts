import type { Checkout } from '../core/checkout.ts'
import type { TimedRule } from '../core/findings/rule.ts'
import { describeMillis } from '../text/duration.ts'
import { inOwnTransaction } from './idle-transaction.ts'
import { secondClientHint } from './second-client.ts'

/** A transaction has been open for the limit, idle or busy. */
export function longTransaction(limitMillis: number): TimedRule {
  return {
    kind: 'long-transaction',
    certainty: 'suspected',
    dueAt: (checkout, now) => (inOwnTransaction(checkout)?.transactionSince ?? now) + limitMillis,
    judge(checkout, now) {
      const control = inOwnTransaction(checkout)
      if (control === undefined) return undefined
      if (now - control.transactionSince < limitMillis) return undefined
      return hint(checkout, now)
    },
  }
}

function hint(checkout: Checkout, now: number): string {
  const { control } = checkout
  const open = control === undefined ? 0 : now - control.transactionSince
  const nested = secondClientHint(checkout, now)
  if (nested !== undefined) return nested
  const work = control?.work() ?? 'none'
  if (work === 'portal')
    return 'a cursor or query stream is still open inside the transaction: read it to its end, or close it'
  if (work === 'copy') return 'a COPY is still running inside the transaction'
  if (work === 'query' && now - checkout.busySince > open / 2) {
    return `one statement has been running for ${describeMillis(now - checkout.busySince)}: it is slow, or waits for a lock`
  }
  // Busy time counts from the acquire, so the idle time of the transaction is at least this.
  const outside = Math.max(0, open - checkout.busyMillis)
  if (outside < open / 2)
    return `its statements took ${describeMillis(open - outside)} of the transaction: many or slow statements in one transaction`
  return `no statement was running for ${describeMillis(outside)} of the transaction: move slow calls out of it`
}
