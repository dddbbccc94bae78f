import { BeginOrigins } from './begin-origins.ts'
import { type CapturedStack, deepStack, type Origin, originOf, reachesUser, shallowStack } from './origin.ts'
import { OriginDepth } from './origin-depth.ts'
import { StatementStacks } from './statement-stacks.ts'

/** The number of callers' stacks that are read between two sweeps, for programs whose statements are always new. */
const checksPerSweep = 5
/** A library's `transaction()` sends BEGIN as its first statement, or after one that sets the isolation level. */
const beforeBegin = 1

/** The stacks of one pool: of the callers that ask for a client, of their first statements, and of BEGIN. */
export class PoolStacks {
  readonly #callers = new OriginDepth(deepStack)
  readonly #openers = new OriginDepth(shallowStack)
  readonly #beginOrigins = new BeginOrigins()
  readonly #statements = new StatementStacks()
  readonly #areDeep: () => boolean
  #carried: OriginDepth | undefined
  #checksLeft = checksPerSweep

  /** @param areDeep whether all stacks are to be deep, whatever they cost */
  constructor(areDeep: () => boolean) {
    this.#areDeep = areDeep
  }

  /** Whether all stacks are to be deep, whatever they cost. */
  get areDeep(): boolean {
    return this.#areDeep()
  }

  /** Some callers' stacks are recorded by the library above the pool, of depths of their own. */
  carry(depths: OriginDepth): void {
    this.#carried = depths
  }

  /**
   * Whether some deep stacks of such callers do not reach the user's code, so that those of the first statements are
   * needed.
   */
  loseUser(caller: CapturedStack | undefined): boolean {
    return this.#depthsOf(caller).losesUser
  }

  /** Whether one of the first statements, after `sent` others, may be the first whose stack reaches the user's code. */
  wantStatement(sent: number): boolean {
    return this.#statements.wants(sent, this.#areDeep())
  }

  /** The stacks of a caller and of its first statements, when its checkout is over. */
  sawStatements(caller: CapturedStack | undefined, stacks: readonly CapturedStack[]): void {
    if (this.loseUser(caller)) this.#statements.see(caller, stacks)
  }

  /** Whether a library may be between the user of such a caller and the pool, or it is not known yet. */
  mayMissUser(caller: CapturedStack | undefined): boolean {
    return !this.#depthsOf(caller).isShallow
  }

  /** The depth of the next caller's stack. Called for each checkout. */
  callerDepth(): number {
    return this.#callers.next(this.#areDeep())
  }

  /** The stack of a caller, of that depth or carried. */
  sawCaller(stack: CapturedStack): void {
    if (stack.carried === undefined) this.#callers.see(stack)
  }

  /**
   * The depth of the stack of the next statement that opens a transaction, 0 for none. Called for each of them. `sent` is
   * the number of statements before it in the checkout of the caller.
   */
  openerDepth(caller: CapturedStack | undefined, sent: number): number {
    const callers = this.#depthsOf(caller)
    if (callers.losesUser) return deepStack
    const { reachesUser } = callers
    if (reachesUser && isOfLibrary(caller, sent) && !this.#areDeep()) return 0
    const isDeep = this.#openers.isDeepDue || this.#areDeep()
    if (!isDeep && this.#beginOrigins.areFixed && reachesUser) return 0
    return this.#openers.next(isDeep)
  }

  /** The stack of that statement, and of its checkout. */
  sawOpener(stack: CapturedStack, caller: CapturedStack | undefined): void {
    this.#openers.see(stack)
    this.#beginOrigins.see(stack, caller)
  }

  /** The line where the transaction of a checkout has begun, if its stack was not recorded. */
  usualOpener(caller: CapturedStack | undefined): Origin | undefined {
    return caller?.carried === undefined ? this.#beginOrigins.usualOf(caller) : originOf(caller)
  }

  /**
   * Whether the stacks of a caller and of its statements so far do not have the user's line because not all are recorded,
   * so that another statement has to show it. Asked at statements that are new, as those of a path through the program
   * that has not been taken before.
   */
  lackLine(caller: CapturedStack | undefined, stacks: readonly CapturedStack[] = []): boolean {
    const areAll = this.loseUser(caller) && this.#statements.wants(stacks.length)
    if (caller === undefined || areAll || this.#checksLeft === 0) return false
    this.#checksLeft -= 1
    if (reachesUser(caller) || stacks.some(reachesUser)) return false
    this.raise(caller)
    return true
  }

  /** A checkout has no line, although the stack of its caller was recorded. */
  raise(caller: CapturedStack): void {
    this.#depthsOf(caller).raise()
    if (this.loseUser(caller)) this.#statements.raise()
  }

  /** A finding has shown less than all callers of its line. */
  deepen(): void {
    this.#carried?.deepen()
    this.#callers.deepen()
    this.#openers.deepen()
  }

  /** Called by each sweep. */
  sweep(): void {
    this.#checksLeft = checksPerSweep
    this.#carried?.sweep()
    this.#callers.sweep()
    this.#openers.sweep()
    this.#beginOrigins.sweep()
    this.#statements.sweep()
  }

  #depthsOf(caller: CapturedStack | undefined): OriginDepth {
    return caller?.carried === undefined ? this.#callers : (this.#carried ?? this.#callers)
  }
}

/** Whether BEGIN is sent by the library that has recorded the stack of the caller: its line is the caller's. */
function isOfLibrary(caller: CapturedStack | undefined, sent: number): boolean {
  return caller?.carried !== undefined && sent <= beforeBegin
}
