// Bound when the module loads: fake timers of a test must not stop the check.
const setSystemTimeout = setTimeout

const firstPauseMillis = 1
const longestPauseMillis = 100

/**
 * Waits with growing pauses, in total `patienceMillis` at most, until nothing is pending. Resolves at once if nothing
 * is. If a pause takes longer than it should, the process was paused, and the excess does not count.
 */
export async function settle(isPending: () => boolean, patienceMillis: number): Promise<void> {
  let left = patienceMillis
  for (
    let pause = firstPauseMillis;
    left > 0 && isPending();
    pause = Math.min(2 * pause, longestPauseMillis)
  ) {
    const wait = Math.min(pause, left)
    left -= wait
    // Not unref'd: the process may have nothing else to do, and must not exit before the verdict.
    await new Promise((resolve) => setSystemTimeout(resolve, wait))
  }
}
