import { type Finding, isLeak } from '../core/findings/finding.ts'

/**
 * The first word of a report; undefined for a session that was ended from outside, which is no mistake of the program.
 */
export function verdictOf(finding: Pick<Finding, 'kind' | 'certainty'>): 'leak' | 'suspected' | undefined {
  if (isLeak(finding)) return 'leak'
  return finding.certainty === 'suspected' ? 'suspected' : undefined
}
