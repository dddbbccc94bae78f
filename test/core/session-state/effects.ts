import { sessionChanges } from '../../../src/core/session-state/statement-effects.ts'

/** What a statement leaves, in words. */
export const left = (text: string) =>
  sessionChanges(text).flatMap((change) =>
    change.does === 'leave' ? [`${change.item.kind} ${change.item.name}`] : [],
  )
/** What it takes back, in words. */
export const cleared = (text: string) =>
  sessionChanges(text).flatMap((change) =>
    change.does === 'clear'
      ? [change.name === undefined ? change.kind : `${change.kind} ${change.name}`]
      : [],
  )
/** What it does, in order. */
export const acts = (text: string) => sessionChanges(text).map((change) => change.does)
