import { type CapturedStack, originOf } from './origin.ts'

const firstProbes = 16
/** How often a stack is looked at again. Looking costs as much as four captures. A prime, so as not to beat with a routine. */
const probeEvery = 251

/** Looks at some of the stacks of one pool's checkouts to learn whether they reach the user's code. */
export class OriginProbe {
  #seen = 0
  #losesUser = false

  /** Some stacks do not reach the user's code, because an ORM has crossed an event of its own. */
  get losesUser(): boolean {
    return this.#losesUser
  }

  see(captured: CapturedStack): void {
    this.#seen += 1
    if (this.#seen <= firstProbes || this.#seen % probeEvery === 0) {
      this.#losesUser ||= originOf(captured) === undefined
    }
  }
}
