import { defineConfig } from 'vitest/config'
import { common } from './vitest.config.ts'

// Libraries that bring pools of their own. Some want a newer Node.js than the oldest one that is supported:
// `npm run test:all` runs these tests under the one that they bring along.
export default defineConfig({
  test: { ...common, include: ['test/all/libraries/**/*.test.ts'], maxWorkers: 3 },
})
