import type { Checkout } from '../core/checkout.ts'
import type { Rule } from '../core/findings/rule.ts'
import { maybeStaleRelease, staleReleaseHint } from './stale-release.ts'

/** An owner sent a statement after it had released the client. */
export const useAfterRelease: Rule<Checkout> = {
  kind: 'use-after-release',
  certainty: 'certain',
  judge: (checkout) =>
    staleReleaseHint(checkout) ??
    `a statement was sent after release: a promise was not awaited, or the client was kept after its release${maybeStaleRelease(checkout)}`,
}
