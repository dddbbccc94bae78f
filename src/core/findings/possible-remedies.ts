import type { ChoiceRow } from '../options/rows.ts'
import { type FindingKind, findingKinds, type Remedy } from './finding.ts'

/** The possible remedies of each kind; `enforce` applies the first. */
export const possibleRemedies = {
  'idle-transaction': ['rollback', 'report', 'destroy'],
  'long-transaction': ['report', 'rollback', 'destroy'],
  'long-hold': ['report', 'destroy'],
  'outlived-scope': ['destroy', 'report', 'rollback'],
  'dirty-release': ['rollback', 'report', 'destroy'],
  'busy-release': ['destroy', 'report'],
  'double-release': ['refuse', 'report'],
  'use-after-release': ['refuse', 'report'],
  'session-state': ['reset', 'report', 'destroy'],
  'lost-commit': ['report'],
  'session-killed': ['report'],
  'nested-acquire': ['report'],
  'pool-deadlock': ['report', 'reject'],
  'pool-exhausted': ['report'],
  'blocked-shutdown': ['destroy', 'report'],
} as const satisfies Readonly<Record<FindingKind, readonly [Remedy, ...Remedy[]]>>

/** Remedies by kind, each one of the possible ones. */
export type RemedyByKind = { readonly [Kind in FindingKind]?: (typeof possibleRemedies)[Kind][number] }

type RemedyRows = {
  readonly [Kind in FindingKind]: ChoiceRow<(typeof possibleRemedies)[Kind][number]>
}

export const remedyRows = Object.fromEntries(
  findingKinds.map((kind) => [kind, { kind: 'choice', values: possibleRemedies[kind] }]),
) as unknown as RemedyRows
