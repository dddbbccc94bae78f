import type { LateRelease, Rule } from '../core/findings/rule.ts'
import { releasedByLibrary } from './library-fault.ts'
import { maybeStaleRelease, staleReleaseHint } from './stale-release.ts'

/** Release was called after the end of the checkout. */
export const doubleRelease: Rule<LateRelease> = {
  kind: 'double-release',
  certainty: 'certain',
  judge({ checkout, ownedByAnother, stack }) {
    const fault = releasedByLibrary(stack)
    if (fault !== undefined) return fault
    const stale = staleReleaseHint(checkout)
    if (stale !== undefined) return `${stale}: this release comes too late`
    return ownedByAnother
      ? 'released by a former owner while another owner has the client: the client was kept after its release'
      : `released twice: two paths (catch and finally, or an event and a callback) both call release${maybeStaleRelease(checkout)}`
  },
}
