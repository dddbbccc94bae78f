import type { Checkout } from '../core/checkout.ts'
import type { Rule } from '../core/findings/rule.ts'

/** COMMIT was answered by ROLLBACK: the call succeeded and nothing was saved. */
export const lostCommit: Rule<Checkout> = {
  kind: 'lost-commit',
  certainty: 'certain',
  judge: () =>
    'COMMIT was answered by ROLLBACK, because an earlier statement had failed and its error was swallowed: nothing was saved',
}
