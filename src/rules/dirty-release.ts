import type { Release, Rule } from '../core/findings/rule.ts'
import { staleReleaseHint } from './stale-release.ts'

/** A client was released with an open or failed transaction, which the next owner would continue. */
export const dirtyRelease: Rule<Release> = {
  kind: 'dirty-release',
  certainty: 'certain',
  judge({ checkout, transaction, inherited }) {
    if (transaction === 'idle' || inherited) return undefined
    if (checkout.via === 'pool.query') {
      return 'pool.query runs each statement on any free client: check one client out for a transaction'
    }
    const stale = staleReleaseHint(checkout)
    if (stale !== undefined) return `${stale} and its transaction was open`
    return transaction === 'failed'
      ? 'a statement failed and the client was released without ROLLBACK: the error path needs one'
      : 'released between BEGIN and COMMIT: an early return, or a branch that neither commits nor rolls back'
  },
}
