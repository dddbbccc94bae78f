import { BeginOrigins } from './begin-origins.ts'
import { type CapturedStack, deepStack, framesToUser, type Origin, shallowStack } from './origin.ts'
import { OriginDepth } from './origin-depth.ts'

/** The number of callers' stacks that are read between two sweeps, for programs whose statements are always new. */
const checksPerSweep = 5

/** The stacks of one pool: of the callers that ask for a client, and of the statements that open a transaction. */
export class PoolStacks {
  readonly #callers = new OriginDepth(deepStack)
  readonly #openers = new OriginDepth(shallowStack)
  readonly #beginOrigins = new BeginOrigins()
  readonly #areDeep: () => boolean
  #checksLeft = checksPerSweep

  /** @param areDeep whether all stacks are to be deep, whatever they cost */
  constructor(areDeep: () => boolean) {
    this.#areDeep = areDeep
  }

  /** Whether some deep stacks do not reach the user's code, so that those of the first statements are needed. */
  get loseUser(): boolean {
    return this.#callers.losesUser
  }

  /** Whether a library may be between the user and the pool, or it is not known yet. */
  get mayMissUser(): boolean {
    return !this.#callers.isShallow
  }

  /** The depth of the next caller's stack. Called for each checkout. */
  callerDepth(): number {
    return this.#callers.next(this.#areDeep())
  }

  /** The stack of that caller. */
  sawCaller(stack: CapturedStack): void {
    this.#callers.see(stack)
  }

  /** The depth of the stack of the next statement that opens a transaction, 0 for none. Called for each of them. */
  openerDepth(): number {
    const isDeep = this.#openers.isDeepDue || this.#areDeep()
    if (!isDeep && this.#beginOrigins.areFixed && this.#callers.isShallow) return 0
    return this.#openers.next(isDeep)
  }

  /** The stack of that statement, and of its checkout. */
  sawOpener(stack: CapturedStack, caller: CapturedStack | undefined): void {
    this.#openers.see(stack)
    this.#beginOrigins.see(stack, caller)
  }

  /** The line where the transaction of a checkout has begun, if its stack was not recorded. */
  usualOpener(caller: CapturedStack | undefined): Origin | undefined {
    return this.#beginOrigins.usualOf(caller)
  }

  /**
   * Whether a caller's stack is too short for the user's line, so that a statement has to show it. Asked at statements
   * that are new, as those of a path through the program that has not been taken before.
   */
  isTooShort(caller: CapturedStack | undefined): boolean {
    if (caller === undefined || !this.#callers.isShallow || this.#checksLeft === 0) return false
    this.#checksLeft -= 1
    if (framesToUser(caller) !== Number.POSITIVE_INFINITY) return false
    this.#callers.raise()
    return true
  }

  /** A stack has turned out to be too short for the user's line. */
  raise(): void {
    this.#callers.raise()
  }

  /** A finding has shown less than all callers of its line. */
  deepen(): void {
    this.#callers.deepen()
    this.#openers.deepen()
  }

  /** Called by each sweep. */
  sweep(): void {
    this.#checksLeft = checksPerSweep
    this.#callers.sweep()
    this.#openers.sweep()
    this.#beginOrigins.sweep()
  }
}
