// What happens on the server does not follow the manual clock.
const patienceMillis = 60_000

/** Lets everything run that is ready to run. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** @throws if the promise does not settle, which is how a lost slot shows */
export async function within<Result>(
  promise: Promise<Result>,
  what: string,
  millis = patienceMillis,
): Promise<Result> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited in vain: ${what}`)), millis)
  })
  try {
    return await Promise.race([promise, timeout])
  } finally {
    clearTimeout(timer)
  }
}

/** @throws if the condition does not come true */
export async function until(condition: () => boolean, what: string | (() => string)): Promise<void> {
  const deadline = performance.now() + patienceMillis
  for (let turns = 0; !condition(); turns++) {
    if (performance.now() > deadline) {
      throw new Error(`waited in vain: ${typeof what === 'string' ? what : what()}`)
    }
    // Answers of the server arrive within a few turns of the event loop; beyond that the server needs the processor.
    await (turns < 20 ? nextTurn() : new Promise((resolve) => setTimeout(resolve, 1)))
  }
}
