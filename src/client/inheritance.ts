import type { Checkout } from '../core/checkout.ts'

/** What a statement of a later owner was answered with, inside a transaction that is not its own. */
export interface InheritedAnswer {
  /** Undefined: a statement of `pool.query`, each of which is a checkout to itself. */
  readonly heir: Checkout | undefined
  readonly commands: readonly string[]
  /** The transaction had failed before, and so did the statement. */
  readonly refused: boolean
  /** The heir has sent a BEGIN of its own: what it rolls back it means to. */
  readonly claimed: boolean
}

const write = /^(?:INSERT|UPDATE|DELETE|MERGE|COPY|CREATE|ALTER|DROP|TRUNCATE)\b/

/** Counts what later owners suffer from a transaction that a former owner has left open in the session. */
export class Inheritance {
  #checkouts = 0
  #refused = 0
  #last: Checkout | undefined
  #claimed = false
  /** Writes of the heirs before the last one, and those of the last one. */
  readonly #earlier = new Map<string, number>()
  #present = new Map<string, number>()

  note({ heir, commands, refused, claimed }: InheritedAnswer): void {
    if (heir === undefined || heir !== this.#last) {
      this.#checkouts += 1
      this.#last = heir
      for (const [command, count] of this.#present) add(this.#earlier, command, count)
      this.#present = new Map()
    }
    this.#claimed = claimed
    if (refused) this.#refused += 1
    for (const command of commands) if (write.test(command)) add(this.#present, command, 1)
  }

  /** In a sentence; undefined if nobody has suffered. */
  describe(end: 'none' | 'committed' | 'lost'): string | undefined {
    if (this.#checkouts === 0) return undefined
    const parts = [`${counted(this.#checkouts, 'later checkout')} ran inside this transaction`]
    if (this.#refused > 0) parts.push(`${counted(this.#refused, 'statement')} of theirs failed in it`)
    const lost = end === 'lost' ? this.#lost() : new Map<string, number>()
    if (lost.size > 0) {
      const list = [...lost].map(([command, count]) => counted(count, command)).join(', ')
      const total = [...lost.values()].reduce((sum, count) => sum + count, 0)
      parts.push(`${list} of theirs ${total === 1 ? 'was' : 'were'} lost`)
    }
    return parts.join('; ')
  }

  #lost(): Map<string, number> {
    const lost = new Map(this.#earlier)
    if (!this.#claimed) for (const [command, count] of this.#present) add(lost, command, count)
    return lost
  }
}

function add(counts: Map<string, number>, command: string, count: number): void {
  counts.set(command, (counts.get(command) ?? 0) + count)
}

function counted(count: number, what: string): string {
  return count === 1 ? `one ${what}` : `${count} ${what}s`
}
