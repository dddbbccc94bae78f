import { AsyncLocalStorage } from 'node:async_hooks'
import type { Method } from '../client/types.ts'
import { type CapturedStack, deepStack, setStackDepth } from '../core/origin/origin.ts'
import { OriginDepth } from '../core/origin/origin-depth.ts'
import type { PoolStacks } from '../core/origin/pool-stacks.ts'
import type { CallerStacks } from './pool-host.ts'

/** The stacks are deep if the user's line needs more frames than this, because a library is between. */
const mostCarried = 12

/** The first acquire takes the stack: later ones of the same flow have their own line. */
interface Carried {
  stack: CapturedStack | undefined
}

/**
 * The stacks of those who call a library's `transaction()`. The library asks its pool for the client some turns later,
 * when its caller is no longer on the stack.
 */
export class CarriedStacks implements CallerStacks {
  readonly #depths = new OriginDepth(deepStack, mostCarried)
  readonly #flows = new AsyncLocalStorage<Carried>()
  #stacks: PoolStacks | undefined
  #depth = deepStack
  #isLate: boolean
  #present: CapturedStack | undefined
  /** Of the call that has not returned yet. */
  #called: CapturedStack | undefined

  /** @param isLate whether the library asks its pool in a later turn than that in which `carry` calls it */
  constructor(isLate: boolean) {
    this.#isLate = isLate
  }

  join(stacks: PoolStacks): void {
    this.#stacks = stacks
    stacks.carry(this.#depths)
  }

  /** The depth of the next stack, at least that. Called for each transaction. */
  depth(least = 1): number {
    this.#depth = Math.max(least, this.#depths.next(this.#stacks?.areDeep))
    return this.#depth
  }

  /** The stack of that depth. */
  saw(stack: CapturedStack): void {
    stack.carried = this.#depth
    this.#depths.see(stack)
  }

  /** For the method that users call. `isInner`: the call with these arguments asks for no client. */
  calling(original: Method, isInner: (args: readonly unknown[]) => boolean = () => false): Method {
    const callers = this
    return function (...args) {
      if (isInner(args)) return Reflect.apply(original, this, args)
      const before = setStackDepth(callers.depth())
      const stack: CapturedStack = new Error()
      setStackDepth(before)
      callers.saw(stack)
      callers.#called = stack
      try {
        return Reflect.apply(original, this, args)
      } finally {
        callers.#called = undefined
      }
    }
  }

  /** The stack of the call in progress, once. */
  takeCalled(): CapturedStack | undefined {
    const called = this.#called
    this.#called = undefined
    return called
  }

  /** Calls the part of the library that asks the pool. */
  carry<Result>(stack: CapturedStack, ask: () => Result): Result {
    if (this.#isLate) return this.#flows.run({ stack }, ask)
    this.#present = stack
    try {
      return ask()
    } finally {
      // The application has put something before it that is awaited.
      this.#isLate = this.#present !== undefined
      this.#present = undefined
    }
  }

  take(): CapturedStack | undefined {
    const present = this.#present
    this.#present = undefined
    if (present !== undefined || !this.#isLate) return present
    const flow = this.#flows.getStore()
    const stack = flow?.stack
    if (flow !== undefined) flow.stack = undefined
    return stack
  }
}
