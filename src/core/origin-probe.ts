import { type CapturedStack, captureStack, deepStack, userFrameDepth } from './origin.ts'

const firstProbes = 16
/** A power of two: how often a stack is looked at again. Looking costs as much as four captures. */
const probeEvery = 256
/** Frames beyond the user's first one, which name its callers. */
const callers = 4

/**
 * Records the stacks of one pool's checkouts as shallow as can be. What a stack costs grows with its depth, and how
 * deep the user's code lies below the pool (one frame, or twenty below an ORM) does not change from checkout to
 * checkout: so a few stacks are looked at to learn it.
 */
export class OriginProbe {
  #captures = 0
  #depth = deepStack
  #learned = 0
  #losesUser = false

  /** Some stacks do not reach the user's code at any depth, because an ORM has crossed an event of its own. */
  get losesUser(): boolean {
    return this.#losesUser
  }

  capture(): CapturedStack {
    this.#captures += 1
    if (this.#captures > firstProbes && this.#captures % probeEvery !== 0) return captureStack(this.#depth)
    const captured = captureStack(deepStack)
    this.#learn(captured)
    return captured
  }

  #learn(captured: CapturedStack): void {
    const depth = userFrameDepth(captured)
    if (depth === undefined) this.#losesUser = true
    else this.#learned = Math.max(this.#learned, depth + callers)
    if (this.#captures >= firstProbes)
      this.#depth = this.#learned === 0 ? deepStack : Math.min(deepStack, this.#learned)
  }
}
