import { type CapturedStack, originOf } from './origin.ts'

const firstProbes = 16
/** One stack in so many is inspected, which costs as much as four captures. A prime, to avoid regular patterns. */
const probeEvery = 251

/** Inspects a sample of the stacks of one pool's checkouts, to learn whether they reach the user's code. */
export class OriginProbe {
  #seen = 0
  #losesUser = false

  /** True if some stacks do not reach the user's code, because an ORM acquires clients in a later event. */
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
