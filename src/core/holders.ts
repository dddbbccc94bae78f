import { presentQueryText } from '../sql/redaction.ts'
import { type Checkout, type CheckoutPool, checkoutData } from './checkout.ts'
import type { Holder } from './findings/finding.ts'
import type { Ledger } from './ledger.ts'

/** The limit of the list: a longer one does not help. */
const mostHolders = 20

/** The holders of a pool's clients, the longest-held first, then statements of `pool.query`. */
export function holdersOf(ledger: Ledger, pool: CheckoutPool): Holder[] {
  const held = holdersAmong(ledger, [...pool.out])
  const passing = pool.passingQueries().map(({ pid, text }): Holder => {
    const lastQuery = presentQueryText(text, ledger.queryText)
    return {
      via: 'pool.query',
      ...(pid === undefined ? {} : { pid }),
      ...(lastQuery === undefined ? {} : { lastQuery }),
    }
  })
  return [...held, ...passing].slice(0, mostHolders)
}

/** Checkouts in the form in which a report lists them. */
export function holdersAmong({ time, queryText }: Ledger, checkouts: readonly Checkout[]): Holder[] {
  return checkouts.slice(0, mostHolders).map((checkout): Holder => {
    const { origin, transactionOrigin } = checkout
    return {
      ...checkoutData(checkout, time, queryText),
      ...(origin === undefined ? {} : { origin }),
      ...(transactionOrigin === undefined ? {} : { transactionOrigin }),
      ...(checkout.scope === undefined ? {} : { scope: checkout.scope.data() }),
    }
  })
}
