import { defineConfig } from 'vitest/config'

/** What all runs of the tests have in common. */
export const common = {
  globalSetup: 'test/support/global-setup.ts',
  setupFiles: ['test/support/set-up.ts'],
  pool: 'forks' as const,
  // A process for each file would cost more than half of the tests do.
  isolate: false,
  // Most tests wait for the server or for a process: two for each core of a small machine.
  maxWorkers: 4,
  // A busy machine is slow, and slowness is no failure.
  testTimeout: 120_000,
  hookTimeout: 120_000,
  expect: { poll: { timeout: 30_000 } },
}

/** What a contributor waits for. The rest, which is slow or needs more packages, is in `vitest.all.config.ts`. */
export default defineConfig({
  test: { ...common, include: ['test/**/*.test.ts'], exclude: ['test/all/**'] },
})
