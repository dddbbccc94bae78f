// Bound when the module loads: a test's fake timers must not stop the check.
const setSystemTimeout = setTimeout
const now = performance.now.bind(performance)

const firstPauseMillis = 1
const longestPauseMillis = 100

/**
 * Waits with growing pauses, for at most `patienceMillis`, until nothing is pending any more. Resolves at once if nothing
 * is.
 */
export async function settle(isPending: () => boolean, patienceMillis: number): Promise<void> {
  const start = now()
  for (let pause = firstPauseMillis; isPending(); pause = Math.min(2 * pause, longestPauseMillis)) {
    const left = patienceMillis - (now() - start)
    if (left <= 0) return
    // Not unref'd: the process may have nothing else to do, and must not end before the verdict.
    await new Promise((resolve) => setSystemTimeout(resolve, Math.min(pause, left)))
  }
}
