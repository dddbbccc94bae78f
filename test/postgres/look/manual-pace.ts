import type { Pace } from '../../../src/postgres/look/pace.ts'
import { eventually } from '../../support/eventually.ts'

export interface ManualPace extends Pace {
  /** Waits until somebody pauses, lets the time pass, and says how long the pause was. */
  step(): Promise<number>
  isPausing(): boolean
}

/** Time passes when the test says so. */
export function manualPace(): ManualPace {
  let now = 0
  let pending: { readonly millis: number; end(): void } | undefined
  return {
    now: () => now,
    random: () => 0.5,
    isPausing: () => pending !== undefined,
    pause: (millis, signal) =>
      new Promise((resolve) => {
        const end = () => {
          pending = undefined
          signal?.removeEventListener('abort', end)
          resolve()
        }
        pending = { millis, end }
        signal?.addEventListener('abort', end, { once: true })
        if (signal?.aborted) end()
      }),
    async step() {
      const { millis, end } = await eventually(() => {
        if (pending === undefined) throw new Error('nobody pauses')
        return pending
      })
      now += millis
      end()
      return millis
    },
  }
}
