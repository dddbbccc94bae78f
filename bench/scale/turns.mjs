// @ts-check
import { cpuMicros } from '../resources.mjs'

export const nextTurn = () => new Promise((resolve) => setImmediate(resolve))

/**
 * Measures each turn of the event loop until it is stopped: nothing else runs in the meantime. By CPU time, because a
 * busy machine stops a process for longer than anything measured here.
 */
export function measureTurns() {
  let longest = 0
  let last = cpuMicros()
  const first = last
  let isStopped = false
  const turn = () => {
    const now = cpuMicros()
    longest = Math.max(longest, now - last)
    last = now
    if (!isStopped) setImmediate(turn)
  }
  setImmediate(turn)
  return {
    async stop() {
      await nextTurn()
      isStopped = true
      return { longestMillis: longest / 1000, totalMillis: (last - first) / 1000 }
    },
  }
}

/** Milliseconds of CPU that the work takes.
 *  @param {() => unknown} work */
export function cpuMillis(work) {
  const before = cpuMicros()
  work()
  return (cpuMicros() - before) / 1000
}

/** The least of several times: neither a busy machine nor a collection of garbage has met that one.
 *  @param {number} times
 *  @param {() => unknown} work */
export function leastMillis(times, work) {
  return Math.min(...Array.from({ length: times }, () => cpuMillis(work)))
}
