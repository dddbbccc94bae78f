import { describeMillis } from '../../text/duration.ts'
import type { Clock } from './clock.ts'

// Bound when the module loads, as in the system clock: out of reach of fake timers.
const afterThisTurn = setImmediate

/**
 * Resolves with the work's result, or rejects with `late()` after `millis`. The time starts with the next turn of the
 * event loop: a test may move the clock by a minute at once, and the server needs a chance to answer.
 */
export function within<T>(
  clock: Clock,
  millis: number,
  work: Promise<T>,
  late = () => new Error(`no answer within ${describeMillis(millis)}`),
): Promise<T> {
  return new Promise((resolve, reject) => {
    let over = false
    let cancel = () => {}
    const stop = () => {
      over = true
      cancel()
    }
    work.then(resolve, reject).finally(stop)
    afterThisTurn(() => {
      if (over) return
      cancel = clock.schedule(() => reject(late()), millis)
    })
  })
}
