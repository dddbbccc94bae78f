import { defineConfig } from 'vitest/config'
import { common } from './vitest.config.ts'

// What `npm run test:all` runs beside `npm test`: the tests of test/all, and those of the server's side on the versions of
// PostgreSQL that `npm test` does not have. PGLIFEGUARD_TEST_SERVERS=16,17 runs the latter alone, and whole, on these.
const chosen = process.env.PGLIFEGUARD_TEST_SERVERS
const versions = chosen?.split(',') ?? ['14', '15', '16', '17']

const serverSide = ['test/postgres/**/*.test.ts', 'test/cli/**/*.test.ts']
// What the command line makes of a command depends on the server in few places, and the oldest version differs most.
const queries = ['test/postgres/**/*.test.ts', 'test/cli/{check,terminate,watch}/**/*.test.ts']

const project = (name: string, include: readonly string[]) => ({
  test: { ...common, name, include: [...include], exclude: ['**/node_modules/**', 'test/all/libraries/**'] },
})

export default defineConfig({
  test: {
    // Tools and runners of others are heavier than a test of ours.
    maxWorkers: 3,
    projects: [
      ...(chosen === undefined ? [project('all', ['test/all/**/*.test.ts'])] : []),
      ...versions.map((version) =>
        project(`postgres ${version}`, chosen === undefined && version !== '14' ? queries : serverSide),
      ),
    ],
  },
})
