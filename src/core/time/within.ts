import { describeMillis } from '../../text/duration.ts'
import type { Clock } from './clock.ts'

// As in the system clock, out of reach of fake timers.
const afterThisTurn = setImmediate

/**
 * The work's result, or a rejection with `late()` once `millis` have passed. They are counted from the next turn of the event loop: a
 * clock that a test moves by a minute at once must not count that minute against a server that had no chance to answer.
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
