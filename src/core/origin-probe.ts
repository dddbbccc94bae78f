import { type CapturedStack, captureStack, originOf } from './origin.ts'

const firstProbes = 16
/** How often a stack is looked at again. Looking costs as much as four captures. A prime, so as not to beat with a routine. */
const probeEvery = 251

/** Records the stacks of one pool's checkouts, and looks at some of them to learn whether they reach the user's code. */
export class OriginProbe {
  #captures = 0
  #losesUser = false

  /** Some stacks do not reach the user's code, because an ORM has crossed an event of its own. */
  get losesUser(): boolean {
    return this.#losesUser
  }

  capture(): CapturedStack {
    const captured = captureStack()
    this.#captures += 1
    if (this.#captures <= firstProbes || this.#captures % probeEvery === 0) {
      this.#losesUser ||= originOf(captured) === undefined
    }
    return captured
  }
}
