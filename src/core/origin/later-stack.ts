import type { Checkout } from '../checkout.ts'
import { deepStack, setStackDepth } from './origin.ts'

/** Jobs of promises, all before any event: enough for the layers of a library to have called each other. */
const jobs = 10

/**
 * The same promise for a caller that has to wait, with one more stack taken a few jobs later. Query builders start
 * their statement in a job of their own, where no frame of the user is left; a few jobs later the user's function waits
 * for this promise, and the asynchronous stack of the function that settles it leads there.
 *
 * A promise of a class of its own is returned as it is, since the caller may use what that class has more.
 */
export function withLaterStack(answer: unknown, waiter: Checkout): unknown {
  if (!(answer instanceof Promise) || answer.constructor !== Promise) return answer
  return answeredLater(answer, waiter)
}

async function answeredLater(answer: Promise<unknown>, waiter: Checkout): Promise<unknown> {
  for (let job = 0; job < jobs; job += 1) await undefined
  if (waiter.phase === 'waiting') {
    const depth = setStackDepth(deepStack)
    const stack = new Error()
    setStackDepth(depth)
    waiter.laterStacks ??= []
    waiter.laterStacks.push(stack)
  }
  // Awaited here and nowhere else: the stack that the pool gives its error leads through it to the caller.
  return await answer
}
