import type { Checkout } from '../core/checkout.ts'

/** The server's answer to a later owner's statement inside a transaction that a former owner has left open. */
export interface InheritedAnswer {
  /** Undefined for a statement of `pool.query`; each of these counts as a checkout. */
  readonly heir: Checkout | undefined
  readonly commands: readonly string[]
  /** The transaction had failed before, and the statement failed because of it. */
  readonly refused: boolean
  /** The heir has sent BEGIN itself: its ROLLBACK is intended. */
  readonly claimed: boolean
}

const write = /^(?:INSERT|UPDATE|DELETE|MERGE|COPY|CREATE|ALTER|DROP|TRUNCATE)\b/

/** Counts what later owners suffer from a transaction that a former owner has left open in the session. */
export class Inheritance {
  #checkouts = 0
  #refused = 0
  #last: Checkout | undefined
  #claimed = false
  /** The writes of the heirs before the last one; those of the last one are separate. */
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

  /** A sentence about the damage; undefined if there was none. */
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
