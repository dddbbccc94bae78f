import type { Release, Rule } from '../core/findings/rule.ts'
import { staleReleaseHint } from './stale-release.ts'

/** A client was released while it was still at work for its owner. */
export const busyRelease: Rule<Release> = {
  kind: 'busy-release',
  certainty: 'certain',
  judge({ checkout, work }) {
    const stale = work === 'none' ? undefined : staleReleaseHint(checkout)
    if (stale !== undefined) return `${stale} and was at work`
    switch (work) {
      case 'none':
        return undefined
      case 'portal':
        return 'released with a cursor or query stream open: close it, or read it to its end, before release'
      case 'copy':
        return 'released while a COPY is running: wait until its stream has finished before release'
      case 'query':
        return 'released while a statement is running or queued: a query was not awaited, or query_timeout gave up on it'
    }
  },
}
