import type { Clock } from '../core/clock.ts'
import { describeMillis } from '../core/duration.ts'

/** The promise's result, or a rejection once `millis` have passed. */
export function within<T>(clock: Clock, millis: number, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.schedule(
      () => reject(new Error(`no answer within ${describeMillis(millis)}`)),
      millis,
    )
    work.then(resolve, reject).finally(cancel)
  })
}
