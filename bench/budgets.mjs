// @ts-check
// What the guard may add to an operation, in microseconds, measured without a server. Newer versions of Node.js record
// a stack in half the time.

/** @typedef {'query' | 'transaction' | 'deepTransaction' | 'checkout' | 'deepCheckout'} OfflineRow */

/** @satisfies {Record<OfflineRow, { readonly node20: number, readonly newer: number }>} */
export const offlineBudgets = {
  query: { node20: 0.3, newer: 0.2 },
  transaction: { node20: 5, newer: 3 },
  deepTransaction: { node20: 6, newer: 3.5 },
  checkout: { node20: 3, newer: 1.8 },
  deepCheckout: { node20: 4, newer: 2.2 },
}

/** @param {OfflineRow} row
 *  @param {string} node The version of Node.js, such as `24.1.0`. */
export function offlineBudget(row, node) {
  const { node20, newer } = offlineBudgets[row]
  return Number.parseInt(node, 10) < 24 ? node20 : newer
}

/** What the recorder of `lifeguard.timeline()`, which the live page needs, may add to that. */
export const recorderBudget = 1
