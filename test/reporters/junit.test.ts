import { parse } from 'junit2json'
import { expect, it } from 'vitest'
import { junitReport } from '../../src/reporters/junit.ts'
import { findings, leak } from './ci-findings.ts'

it('is a JUnit report with properties, as a parser of such reports reads it', async () => {
  const report = await parse(junitReport(findings))
  expect(report).toMatchObject({
    tests: 3,
    failures: 3,
    testsuite: [
      {
        name: 'pg-lifeguard',
        testcase: [
          {
            classname: 'pg-lifeguard.outlived-scope',
            name: 'src/my orders, 100%.ts:12',
            failure: [{ type: 'outlived-scope', message: leak.hint.replace('\u0007', '\ufffd') }],
          },
          { name: 'unknown place' },
          { classname: 'pg-lifeguard.idle-transaction' },
        ],
      },
    ],
  })
  const [suite] = (report as { testsuite: { testcase: { properties: unknown }[] }[] }).testsuite
  expect(JSON.stringify(suite?.testcase[0]?.properties)).toContain('finds & shows')
})
