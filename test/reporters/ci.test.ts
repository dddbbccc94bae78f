import { parse } from 'junit2json'
import { describe, expect, it } from 'vitest'
import { githubAnnotations } from '../../src/reporters/github.ts'
import { junitReport } from '../../src/reporters/junit.ts'
import { markdownSummary } from '../../src/reporters/markdown.ts'
import { sarifLog } from '../../src/reporters/sarif.ts'
import { sampleFinding, without } from './sample-findings.ts'
import { sarifProblems } from './sarif-schema.ts'

const frame = { file: `${process.cwd()}/src/my orders, 100%.ts`, line: 12, column: 29 }
const leak = sampleFinding({
  kind: 'outlived-scope',
  certainty: 'certain',
  origin: { ...frame, frames: [frame] },
  hint: 'release was not reached:\nan early return | <b>, "50%"\u0007',
  scope: { kind: 'test', name: 'finds & shows' },
  fingerprint: 'outlived-scope main src/my orders, 100%.ts:12:29',
})
const again = sampleFinding({ ...leak, id: 'f2', occurrences: 2 })
const nowhere = without(sampleFinding({ ...leak, id: 'f3', fingerprint: 'elsewhere' }), 'origin')
const findings = [leak, again, nowhere, sampleFinding()]

describe('findings for CI', () => {
  it('are annotations on lines of source, one for each line', () => {
    expect(githubAnnotations(findings).split('\n')).toEqual([
      '::error file=src/my orders%2C 100%25.ts,line=12,col=29,title=outlived-scope in pool main::release was not reached: an early return | <b>, "50%25"\ufffd',
      '::error title=outlived-scope in pool main::release was not reached: an early return | <b>, "50%25"\ufffd',
      '::warning file=/app/src/orders.ts,line=12,col=29,title=idle-transaction in pool main::neither COMMIT nor ROLLBACK followed the last statement for 10 s',
      '',
    ])
  })

  it('are a table for the summary, in which nothing is markup', () => {
    const lines = markdownSummary(findings).trimEnd().split('\n')
    expect(lines[2]).toBe('| finding | where | in | likely cause |')
    expect(lines).toHaveLength(7)
    for (const line of lines.slice(2)) expect(line.match(/\|/g)).toHaveLength(5)
    expect(lines[4]).toContain('src/my orders, 100%.ts:12')
    expect(lines[4]).not.toMatch(/<b>/)
    expect(markdownSummary([])).toBe('')
  })

  it('are SARIF, by its schema', () => {
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

  it('are a JUnit report with properties, as a reader of such reports has it', async () => {
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
})
