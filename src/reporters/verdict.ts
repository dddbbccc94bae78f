import type { Finding, FindingKind } from '../core/findings/finding.ts'

/** Certain, but nothing is leaked. */
const noLeak: ReadonlySet<FindingKind> = new Set([
  'double-release',
  'use-after-release',
  'lost-commit',
  'session-killed',
  'pool-deadlock',
])

/** How sure the finding is, in one word: only what is certain to be one is called a leak. */
export function verdictOf({
  kind,
  certainty,
}: Pick<Finding, 'kind' | 'certainty'>): 'leak' | 'certain' | 'suspected' {
  if (certainty === 'suspected') return 'suspected'
  return noLeak.has(kind) ? 'certain' : 'leak'
}
