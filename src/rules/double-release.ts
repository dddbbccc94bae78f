import type { LateRelease, Rule } from '../core/findings/rule.ts'

/** Release was called after the end of the checkout. */
export const doubleRelease: Rule<LateRelease> = {
  kind: 'double-release',
  certainty: 'certain',
  judge({ ownedByAnother }) {
    return ownedByAnother
      ? 'released by a former owner while another owner has the client: the client was kept after its release'
      : 'released twice: two paths (catch and finally, or an event and a callback) both call release'
  },
}
