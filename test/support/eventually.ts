// Taken before a test replaces the clock: what happens on the server does not follow fake timers.
const { setTimeout, clearTimeout } = globalThis
const now = performance.now.bind(performance)

const pauseMillis = 20

/**
 * Repeats the attempt until it no longer throws, and gives its result. For facts that come true on the server without
 * telling us, such as a session that is gone; never for the passing of a limit, which a test tells the clock.
 *
 * ```ts
 * await eventually(async () => expect(await db.sessions()).toEqual([]))
 * ```
 *
 * @throws what the last attempt threw
 */
export async function eventually<Result>(
  attempt: () => Result | Promise<Result>,
  { withinMillis = 30_000 }: { withinMillis?: number } = {},
): Promise<Result> {
  const deadline = now() + withinMillis
  let lastFailure: unknown = new Error(`the attempt did not come to an end within ${withinMillis} ms`)
  for (;;) {
    try {
      return await bounded(attempt, deadline - now(), () => lastFailure)
    } catch (error) {
      lastFailure = error
      if (now() + pauseMillis >= deadline) throw error
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMillis))
  }
}

/** An attempt that hangs, on a lock for instance, fails with what was wrong before. */
async function bounded<Result>(
  attempt: () => Result | Promise<Result>,
  millis: number,
  failure: () => unknown,
): Promise<Result> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(failure()), millis)
  })
  try {
    return await Promise.race([attempt(), timeout])
  } finally {
    clearTimeout(timer)
  }
}
