import { type CapturedStack, reachesUser } from './origin.ts'
import { enoughRead, StackSampler } from './stack-sampler.ts'

/** More than one, because the stacks of an ORM's own first statements (version query, BEGIN) lack user code, too. */
const mostRecorded = 4

/**
 * Decides for how many first statements of a checkout the stack is recorded, in a pool whose callers' stacks may not
 * reach the user: as many as it took until one did, in all checkouts that were read.
 */
export class StatementStacks {
  readonly #sampler = new StackSampler()
  #needed = 1
  #read = 0

  /** Whether to record the stack of a statement. `sent` is the number of those before it, `isDeep` asks for all. */
  wants(sent: number, isDeep = false): boolean {
    return sent < (isDeep || this.#read < enoughRead ? mostRecorded : this.#needed)
  }

  /** The stacks of a checkout's first statements, in their order, when it is over. */
  see(caller: CapturedStack | undefined, stacks: readonly CapturedStack[]): void {
    if (!this.#sampler.take()) return
    // Where some callers can be seen, their statements say nothing about those of the others.
    if (caller !== undefined && reachesUser(caller)) return
    const first = stacks.findIndex(reachesUser)
    if (first !== -1) {
      this.#read += 1
      if (first >= this.#needed) this.#need(first + 1)
    } else if (stacks.length < mostRecorded && !this.wants(stacks.length)) this.raise()
  }

  /** A checkout has no line: from now on, as many stacks are recorded as there may be. */
  raise(): void {
    this.#need(mostRecorded)
  }

  /** Called by each sweep. */
  sweep(): void {
    this.#sampler.sweep()
  }

  #need(statements: number): void {
    this.#needed = statements
    this.#sampler.quicken()
  }
}
