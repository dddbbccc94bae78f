import { onTestFinished } from 'vitest'

/** The warnings of this process from now to the end of the test. */
export function collectWarnings(): () => Promise<string[]> {
  const messages: string[] = []
  const note = (warning: Error) => messages.push(warning.message)
  process.on('warning', note)
  onTestFinished(() => {
    process.off('warning', note)
  })
  return async () => {
    // A warning is emitted in the next tick.
    await new Promise((resolve) => setImmediate(resolve))
    return messages
  }
}
