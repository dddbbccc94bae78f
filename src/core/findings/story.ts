import type { FindingKind } from './finding.ts'
import type { FindingEvidence, FindingRecord } from './finding-record.ts'

/** Kinds that are events. Whatever holds the client too long afterwards is another mistake. */
const events: ReadonlySet<FindingKind> = new Set([
  'dirty-release',
  'busy-release',
  'double-release',
  'use-after-release',
  'session-state',
  'lost-commit',
])

/** How a new finding relates to the open ones of its checkout: a checkout has one story. */
export type Place =
  /** An open one that is certain says all of it. */
  | { readonly does: 'add nothing' }
  /** It adds a line to an open one. */
  | { readonly does: 'update'; readonly record: FindingRecord }
  /** It is told in full, in place of the suspicions that it confirms. */
  | { readonly does: 'begin'; readonly instead: readonly FindingRecord[] }

/** Where a finding stands in the story of its checkout. */
export function placeIn(open: readonly FindingRecord[], { kind, certainty, remedy }: FindingEvidence): Place {
  if (events.has(kind)) return { does: 'begin', instead: [] }
  const states = open.filter(({ evidence }) => !events.has(evidence.kind))
  const certain = states.find(({ evidence }) => evidence.certainty === 'certain')
  // A suspicion with a remedy still has to act.
  if (certain !== undefined && certainty === 'suspected' && remedy === 'report')
    return { does: 'add nothing' }
  const main = certain ?? states[0]
  if (main !== undefined && (certain !== undefined || certainty === 'suspected')) {
    return { does: 'update', record: main }
  }
  return { does: 'begin', instead: states.filter(isSuperseded) }
}

/** A suspicion on which a remedy has acted, or is at it, keeps what that came to. */
export function isSuperseded({ evidence }: FindingRecord): boolean {
  return evidence.certainty === 'suspected' && evidence.remedy === 'report'
}
