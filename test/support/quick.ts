import { expect } from 'vitest'

/**
 * That work on a long text takes time in proportion to its length: quadratic work on a hundred kilobytes takes many
 * seconds, linear work some milliseconds. Counts this process's own time, since a busy machine stops a process for long.
 *
 * @example
 * expectQuick(() => redact("'".repeat(2 ** 20)))
 */
export function expectQuick(work: () => unknown): void {
  const before = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(before)
  expect((user + system) / 1000).toBeLessThan(2000)
}
