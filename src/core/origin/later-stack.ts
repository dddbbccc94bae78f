import type { Checkout } from '../checkout.ts'
import { deepStack, setStackDepth } from './origin.ts'
import { excludeInBundle } from './own-code.ts'

/** The number of promise jobs to wait: enough for the layers of a library to have called each other. */
const jobs = 10

/**
 * Returns an equal promise for a caller whose line is not known yet, and captures one more stack a few promise jobs later. Query builders
 * start their statement in a separate job, without a frame of the user. A few jobs later the user's function awaits
 * this promise, and the asynchronous stack of the function that settles it leads there.
 *
 * A promise of another class is returned as it is, because the caller may use the additional methods of that class.
 */
export function withLaterStack(answer: unknown, checkout: Checkout): unknown {
  if (!(answer instanceof Promise) || answer.constructor !== Promise) return answer
  return answeredLater(answer, checkout)
}

async function answeredLater(answer: Promise<unknown>, checkout: Checkout): Promise<unknown> {
  for (let job = 0; job < jobs; job += 1) await undefined
  if (checkout.phase !== 'over') {
    const depth = setStackDepth(deepStack)
    const stack = new Error()
    setStackDepth(depth)
    checkout.laterStacks ??= []
    checkout.laterStacks.push(stack)
  }
  // Awaited only here: the stack of the pool's error leads through this function to the caller.
  return await answer
}

excludeInBundle(withLaterStack, answeredLater)
