import { expect, it } from 'vitest'
import { sarifLog } from '../../src/reporters/sarif.ts'
import { findings } from './ci-findings.ts'
import { sarifProblems } from './sarif-schema.ts'

it('is SARIF, by its schema', () => {
  const log = sarifLog(findings)
  expect(sarifProblems(log)).toEqual([])
  expect(sarifProblems(sarifLog([]))).toEqual([])
  expect(sarifProblems({ ...log, version: '1.0' } as never)).not.toEqual([])
  expect(log.runs).toMatchObject([
    {
      results: [
        {
          ruleId: 'outlived-scope',
          level: 'error',
          locations: [
            {
              physicalLocation: {
                artifactLocation: { uri: 'src/my%20orders%2C%20100%25.ts', uriBaseId: '%SRCROOT%' },
                region: { startLine: 12, startColumn: 29 },
              },
            },
          ],
        },
        { locations: [] },
        { ruleId: 'idle-transaction', level: 'warning' },
      ],
    },
  ])
})
