import { type CapturedStack, reachesUser } from './origin.ts'

/** More than one, because the stacks of an ORM's own first statements (version query, BEGIN) lack user code, too. */
const mostRecorded = 4
/** So many checkouts are read first, and at a time, because formatting a stack costs as much as twenty checkouts. */
const firstRead = 50
const readAtATime = 2
/** Sweeps between two such times as long as they show nothing new, at most. */
const longestPause = 25

/**
 * Decides for how many first statements of a checkout the stack is recorded, in a pool whose callers' stacks may not
 * reach the user: as many as it took until one did, in all checkouts that were read.
 */
export class StatementStacks {
  #needed = 1
  #read = 0
  #readsLeft = firstRead
  #pause = 0
  #untilRead = 0

  /** Whether to record the stack of a statement. `sent` is the number of those before it, `isDeep` asks for all. */
  wants(sent: number, isDeep = false): boolean {
    return sent < (isDeep || this.#read < firstRead ? mostRecorded : this.#needed)
  }

  /** The stacks of a checkout's first statements, in their order, when it is over. */
  see(caller: CapturedStack | undefined, stacks: readonly CapturedStack[]): void {
    if (this.#readsLeft === 0) return
    this.#readsLeft -= 1
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
    if (this.#readsLeft > 0) return
    if (this.#untilRead > 0) {
      this.#untilRead -= 1
      return
    }
    this.#readsLeft = readAtATime
    this.#pause = Math.min(longestPause, 2 * this.#pause + 1)
    this.#untilRead = this.#pause
  }

  #need(statements: number): void {
    this.#needed = statements
    this.#pause = 0
    this.#untilRead = 0
  }
}
