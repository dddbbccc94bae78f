import { mayLeaveState } from '../core/session-state/may-leave-state.ts'
import { sessionChanges } from '../core/session-state/statement-effects.ts'
import { opensTransaction } from '../sql/statement.ts'

/** What the guard needs to know about a statement before it is sent. */
export interface StatementTraits {
  /** It opens a transaction explicitly. */
  readonly opens: boolean
  /** It may leave something in its session that outlasts the transaction. */
  readonly mayLeave: boolean
  /** It has not been seen lately. */
  readonly isNew: boolean
}

/** Shared, so that a text in the cache costs one entry and nothing else. */
const [ordinary, leaving, opening, both] = [false, true].flatMap((opens) =>
  [false, true].map((mayLeave): StatementTraits => ({ opens, mayLeave, isNew: false })),
) as [StatementTraits, StatementTraits, StatementTraits, StatementTraits]

/** A limit of memory, for programs that put values into their texts. */
const mostTexts = 500
/** A longer text is classified each time: most of those are written by a program, and differ. */
const longestText = 1000

/** The texts of one pool's statements, each classified once. */
export class StatementTexts {
  readonly #known = new Map<string, StatementTraits>()
  /** Asked again while the same statement is handled. */
  #lastText = ''
  #lastTraits: StatementTraits = ordinary

  /** Called for every query. */
  traitsOf(text: string): StatementTraits {
    if (text === this.#lastText) return this.#lastTraits
    const traits = this.#known.get(text)
    if (traits === undefined) return this.#learn(text)
    this.#lastText = text
    this.#lastTraits = traits
    return traits
  }

  #learn(text: string): StatementTraits {
    const traits = classify(text)
    this.#lastText = text
    this.#lastTraits = traits
    if (text.length > longestText) return traits
    if (this.#known.size >= mostTexts) this.#known.clear()
    this.#known.set(text, traits)
    return { ...traits, isNew: true }
  }
}

function classify(text: string): StatementTraits {
  // A text that begins with BEGIN may go on with anything.
  if (opensTransaction(text)) return mayLeaveState(text) || sessionChanges(text).length > 0 ? both : opening
  return mayLeaveState(text) ? leaving : ordinary
}
