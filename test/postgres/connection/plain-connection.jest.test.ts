import { expect, it } from 'vitest'
import { useDatabase } from '../../support/database.ts'
import { runnerTestMillis, useProject } from '../../testing/project.ts'
import { inCommonJs, runners } from '../../testing/runners.ts'

const db = useDatabase()
const runner = inCommonJs(runners.jest)
const project = useProject(runner, db)

it(
  'loads pg in a CommonJS project of Jest, where `import()` fails',
  async () => {
    project.write({
      'test/leak-check.js': runner.setUp('{ settleMillis: 20 }'),
      'test/one.test.js': `${runner.header}
import { connectControl, safetyNets } from 'pg-lifeguard/postgres'
test('asks the server', async () => {
  await expect(import('pg')).rejects.toThrow()
  const control = await connectControl({ url: process.env.CONTROL_URL })
  expect((await safetyNets(control)).length).toBeGreaterThan(0)
  await control.close()
})`,
    })
    const { code, output } = await project.run(runner.human('test/one.test.js'), { CONTROL_URL: db.url })
    expect(output).toContain('✓ asks the server')
    expect(code).toBe(0)
  },
  runnerTestMillis,
)
