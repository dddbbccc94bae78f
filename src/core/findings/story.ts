import type { FindingKind } from './finding.ts'
import type { FindingEvidence, FindingRecord } from './finding-record.ts'

/** Kinds that are events. A client that is held too long afterwards is a different mistake. */
const events: ReadonlySet<FindingKind> = new Set([
  'dirty-release',
  'busy-release',
  'double-release',
  'use-after-release',
  'session-state',
  'lost-commit',
])

/** The relation of a new finding to the open ones of its checkout, which has one story. */
export type Place =
  /** A certain open finding covers it. */
  | { readonly does: 'add nothing' }
  /** It adds a line to an open finding. */
  | { readonly does: 'update'; readonly record: FindingRecord }
  /** It is reported in full, and replaces the suspected findings that it confirms. */
  | { readonly does: 'begin'; readonly instead: readonly FindingRecord[] }

/** The place of a finding in the story of its checkout. */
export function placeIn(open: readonly FindingRecord[], { kind, certainty, remedy }: FindingEvidence): Place {
  if (events.has(kind)) return { does: 'begin', instead: [] }
  const states = open.filter(({ evidence }) => !events.has(evidence.kind))
  const certain = states.find(({ evidence }) => evidence.certainty === 'certain')
  // A suspected finding with a remedy still has to act.
  if (certain !== undefined && certainty === 'suspected' && remedy === 'report')
    return { does: 'add nothing' }
  const main = certain ?? states[0]
  if (main !== undefined && (certain !== undefined || certainty === 'suspected')) {
    return { does: 'update', record: main }
  }
  return { does: 'begin', instead: states.filter(isSuperseded) }
}

/** Whether a finding is replaced by a certain one; not if a remedy has acted on it or is running. */
export function isSuperseded({ evidence }: FindingRecord): boolean {
  return evidence.certainty === 'suspected' && evidence.remedy === 'report'
}
