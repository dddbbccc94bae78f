import type { Checkout } from '../core/checkout.ts'
import type { Rule } from '../core/rule.ts'

/** Release was called for a checkout that is over. */
export const doubleRelease: Rule<Checkout> = {
  kind: 'double-release',
  certainty: 'certain',
  judge: () => 'released twice: two paths (catch and finally, or an event and a callback) both call release',
}
