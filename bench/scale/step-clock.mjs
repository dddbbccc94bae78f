// @ts-check
import { cpuMillis } from './turns.mjs'

/**
 * @typedef {{ readonly due: number, readonly callback: () => void }} Timer
 * @typedef {ReturnType<typeof stepClock>} StepClock
 */

/** A clock that moves from timer to timer, one at a time, so that each can be measured, and other work done between. */
export function stepClock() {
  let now = 0
  /** @type {Set<Timer>} */
  const timers = new Set()

  function next() {
    /** @type {Timer | undefined} */
    let first
    for (const timer of timers) if (first === undefined || timer.due < first.due) first = timer
    return first
  }

  /** Takes the timer that is due next, and moves the time to it. */
  function take() {
    const timer = next()
    if (timer === undefined) throw new Error('no timer is due')
    timers.delete(timer)
    now = Math.max(now, timer.due)
    return timer.callback
  }

  return {
    clock: {
      now: () => now,
      epochMillis: () => Date.UTC(2026, 0, 1) + now,
      /** @param {() => void} callback
       *  @param {number} millis */
      schedule(callback, millis) {
        const timer = { due: now + millis, callback }
        timers.add(timer)
        return () => timers.delete(timer)
      },
    },
    now: () => now,
    /** Runs the next timer. */
    step: () => take()(),
    /** Runs a whole sweep, and returns the milliseconds of CPU that it took: it may be interrupted, and go on at once. */
    sweep() {
      let millis = cpuMillis(take())
      while (next()?.due === now) millis += cpuMillis(take())
      return millis
    },
  }
}
