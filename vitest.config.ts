import { defineConfig } from 'vitest/config'

// What asks the server about itself is tested on several major versions: by default on the newest and an old one, with
// PGLIFEGUARD_TEST_SERVERS=16,17 on those alone, and with `npm run test:servers` on all that are supported.
const asked = process.env.PGLIFEGUARD_TEST_SERVERS?.split(',')
const serverSide = ['test/postgres/**/*.test.ts', 'test/cli/**/*.test.ts']

const ofServer = (version: string, include: readonly string[]) => ({
  extends: true as const,
  test: { name: `postgres ${version}`, include: [...include] },
})

export default defineConfig({
  test: {
    globalSetup: 'test/support/global-setup.ts',
    setupFiles: ['test/support/leak-check.ts'],
    pool: 'forks',
    fileParallelism: true,
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    projects: asked?.map((version) => ofServer(version, serverSide)) ?? [
      { extends: true, test: { name: 'all', include: ['test/**/*.test.ts'] } },
      ofServer('15', ['test/postgres/**/*.test.ts']),
    ],
  },
})
