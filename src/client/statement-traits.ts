import { mayLeaveState } from '../core/session-state/may-leave-state.ts'
import { sessionChanges } from '../core/session-state/statement-effects.ts'
import { opensTransaction } from '../sql/statement.ts'

/** What the guard needs to know about a statement before it is sent. */
export interface StatementTraits {
  /** It opens a transaction explicitly. */
  readonly opens: boolean
  /** It may leave something in its session that outlasts the transaction. */
  readonly mayLeave: boolean
}

/** Shared, so that a text in the cache costs one entry and nothing else. */
const [ordinary, leaving, opening, both] = [false, true].flatMap((opens) =>
  [false, true].map((mayLeave): StatementTraits => ({ opens, mayLeave })),
) as [StatementTraits, StatementTraits, StatementTraits, StatementTraits]

/** A limit of memory, for programs that put values into their texts. */
const mostTexts = 500
/** A longer text is classified each time: most of those are written by a program, and differ. */
const longestText = 1000

const known = new Map<string, StatementTraits>()
/** Asked again while the same statement is handled. */
let lastText = ''
let lastTraits: StatementTraits = ordinary

/** Classifies a statement. Called for every query: a text that has been seen lately costs a look into a table. */
export function traitsOf(text: string): StatementTraits {
  if (text === lastText) return lastTraits
  const traits = known.get(text) ?? learn(text)
  lastText = text
  lastTraits = traits
  return traits
}

function learn(text: string): StatementTraits {
  const traits = classify(text)
  if (text.length > longestText) return traits
  if (known.size >= mostTexts) known.clear()
  known.set(text, traits)
  return traits
}

function classify(text: string): StatementTraits {
  // A text that begins with BEGIN may go on with anything.
  if (opensTransaction(text)) return mayLeaveState(text) || sessionChanges(text).length > 0 ? both : opening
  return mayLeaveState(text) ? leaving : ordinary
}
