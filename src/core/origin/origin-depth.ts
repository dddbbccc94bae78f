import { type CapturedStack, framesToUser, hasDifferentCallers, mostNeeded } from './origin.ts'

/** So many of the first stacks are inspected at once. */
const firstInspected = 16
/** So many are deep at first, and after a finding: a mistake that happens again shows all its callers. */
const firstDeep = 1000
/** After each sweep so many stacks are deep again: in a program with few checkouts, all of them. */
const deepPerSweep = 10
/** Sweeps between two inspected stacks as long as they show nothing new, at most. */
const longestPause = 25

/**
 * Decides how many frames the stacks of one pool have. Where users call the pool themselves, one frame beyond this
 * package is their line, and the other frames would only cost time; their callers are known from the deep stacks among
 * them. Where a library calls the pool for them, all stacks are deep.
 */
export class OriginDepth {
  readonly #most: number
  readonly #close: number
  #inspected = 0
  /** The number of frames that reach the user's line in all inspected stacks. */
  #needed = 0
  #depth: number
  #deepLeft = firstDeep
  #isDeep = true
  #losesUser = false
  #sample: CapturedStack | undefined
  #pause = 0
  #untilSample = 0

  /**
   * @param most the number of frames of a deep stack
   * @param close stacks are deep if the user's line needs more frames than this
   */
  constructor(most: number, close = mostNeeded) {
    this.#most = most
    this.#close = close
    this.#depth = most
  }

  /** True if some deep stacks do not reach the user's code, because an ORM acquires clients in a later event. */
  get losesUser(): boolean {
    return this.#losesUser
  }

  /** Whether all inspected stacks reach the user's line, and there were enough of them. */
  get reachesUser(): boolean {
    return this.#inspected >= firstInspected && this.#needed !== Number.POSITIVE_INFINITY
  }

  /** Whether stacks have no more frames than the user's line needs. */
  get isShallow(): boolean {
    return this.#depth < this.#most
  }

  /** Whether the next stack is to show all callers. */
  get isDeepDue(): boolean {
    return this.#deepLeft > 0
  }

  /** The depth of the next stack. Called for each checkout. `isDeep`: it must be deep. */
  next(isDeep = false): number {
    this.#isDeep = isDeep || this.#deepLeft > 0
    if (!this.#isDeep) return this.#depth
    if (this.#deepLeft > 0) this.#deepLeft -= 1
    return this.#most
  }

  /** A stack of the depth that `next` has returned, right after it. */
  see(captured: CapturedStack): void {
    if (this.#inspected < firstInspected) this.#inspect(captured)
    else if (this.#untilSample === 0 && (this.#isDeep || !this.isShallow)) {
      // Not always the first after a sweep, which might always be that of the same caller.
      if (this.#sample === undefined || Math.random() < 0.25) this.#sample = captured
    }
  }

  /** Looks at a sample of the stacks. Called by each sweep, because formatting one costs as much as twenty checkouts. */
  sweep(): void {
    this.#deepLeft = Math.max(this.#deepLeft, deepPerSweep)
    if (this.#untilSample > 0) {
      this.#untilSample -= 1
      return
    }
    const sample = this.#sample
    if (sample === undefined) return
    this.#sample = undefined
    this.#pause = this.#inspect(sample) ? 0 : Math.min(longestPause, 2 * this.#pause + 1)
    this.#untilSample = this.#pause
  }

  /** The next stacks are deep, because a finding has shown less than all callers. */
  deepen(): void {
    this.#deepLeft = firstDeep
  }

  /** A stack did not reach the user's line: from now on all are deep. */
  raise(): void {
    if (!this.isShallow) return
    this.#needed = Number.POSITIVE_INFINITY
    this.#depth = this.#most
    // Whether deep ones reach it is not known for the new callers.
    this.#inspected = 0
  }

  /** Returns whether the stack shows anything new. */
  #inspect(captured: CapturedStack): boolean {
    const needed = framesToUser(captured)
    const isNew = hasDifferentCallers(captured) || needed > this.#needed
    this.#inspected += 1
    this.#losesUser ||= needed === Number.POSITIVE_INFINITY
    this.#needed = Math.max(this.#needed, needed)
    const isSettled = this.#inspected >= firstInspected && this.#needed <= this.#close
    this.#depth = isSettled ? Math.min(this.#needed, this.#most) : this.#most
    return isNew
  }
}
