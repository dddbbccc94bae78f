import type { LateRelease, Rule } from '../core/findings/rule.ts'

/** Release was called for a checkout that is over. */
export const doubleRelease: Rule<LateRelease> = {
  kind: 'double-release',
  certainty: 'certain',
  judge({ ownedByAnother }) {
    return ownedByAnother
      ? 'released by a former owner while somebody else has the client: it was kept after its release'
      : 'released twice: two paths (catch and finally, or an event and a callback) both call release'
  },
}
