import type { Checkout } from '../core/checkout.ts'
import type { Rule } from '../core/findings/rule.ts'

/** A statement was sent on a client by an owner that had released it. */
export const useAfterRelease: Rule<Checkout> = {
  kind: 'use-after-release',
  certainty: 'certain',
  judge: () =>
    'a statement was sent after release: a promise that nobody awaited, or a client that is kept after its checkout',
}
