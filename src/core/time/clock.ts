// Bound when the module loads, so that fake timers of a test framework neither stop the sweep nor change the time.
const performanceNow = performance.now.bind(performance)
const dateNow = Date.now
const setSystemTimeout = setTimeout
const clearSystemTimeout = clearTimeout

/** The lifeguard's source of time. Replace it in tests: {@link manualClock}. */
export interface Clock {
  /** Monotonic time in milliseconds; only differences are meaningful. */
  now(): number
  /** Milliseconds since 1970, for time stamps in reports. */
  epochMillis(): number
  /**
   * Calls `callback` once, `millis` from now, without keeping the process alive. Returns a function that cancels it.
   */
  schedule(callback: () => void, millis: number): () => void
}

export const systemClock: Clock = {
  now: performanceNow,
  epochMillis: dateNow,
  schedule(callback, millis) {
    const timer = setSystemTimeout(callback, millis)
    timer.unref()
    return () => clearSystemTimeout(timer)
  },
}

/** A clock that moves only when `advance` or `stall` is called. */
export interface ManualClock extends Clock {
  /** Moves the time forward by `millis` and runs each timer that becomes due, at its own time and in order. */
  advance(millis: number): void
  /** Moves the time forward without running timers, as a debugger, a sleeping laptop or a blocked event loop does. */
  stall(millis: number): void
}

/**
 * A clock for tests, which lets limits pass without waiting.
 *
 * @example
 * const clock = manualClock()
 * const lifeguard = createLifeguard({ clock, limits: { holdMillis: 30_000 } })
 * lifeguard.watch(pool)
 * const client = await pool.connect()
 * clock.advance(31_000) // the finding `long-hold` is reported now
 */
export function manualClock(startMillis = 0): ManualClock {
  interface Timer {
    readonly due: number
    readonly callback: () => void
  }
  const timers = new Set<Timer>()
  let now = startMillis

  function nextUntil(end: number): Timer | undefined {
    let next: Timer | undefined
    for (const timer of timers) {
      if (timer.due <= end && (next === undefined || timer.due < next.due)) next = timer
    }
    return next
  }

  return {
    now: () => now,
    epochMillis: () => Date.UTC(2026, 0, 1) + now,
    schedule(callback, millis) {
      const timer = { due: now + millis, callback }
      timers.add(timer)
      return () => timers.delete(timer)
    },
    advance(millis) {
      const end = now + millis
      for (let timer = nextUntil(end); timer !== undefined; timer = nextUntil(end)) {
        timers.delete(timer)
        now = Math.max(now, timer.due)
        timer.callback()
      }
      now = Math.max(now, end)
    },
    stall(millis) {
      now += millis
    },
  }
}
