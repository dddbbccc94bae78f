import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const script = resolve('.ci/reports.mjs')
let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lifeguard-reports-'))
})

afterEach(() => rmSync(folder, { recursive: true }))

/** The report of a run: each file with its tests. A file that ran on two servers is in it twice. */
function report(name: string, files: [string, Record<string, string>][], outside: string[] = []): void {
  const testResults = files.map(([file, tests]) => ({
    name: `/somewhere/test/${file}`,
    status: Object.values(tests).includes('failed') || Object.keys(tests).length === 0 ? 'failed' : 'passed',
    message: 'no such module',
    assertionResults: Object.entries(tests).map(([fullName, status]) => ({
      fullName,
      status,
      failureMessages: status === 'failed' ? ['expected 1 to be 2\n    at line 3'] : [],
    })),
  }))
  const outsideErrors = outside.map((file) => ({ file, kind: 'Unhandled Rejection', message: 'Error: late' }))
  writeFileSync(join(folder, `${name}.json`), JSON.stringify({ testResults, outsideErrors }))
}

function ended(name: string, code: number, output: string): void {
  writeFileSync(join(folder, 'output'), output)
  execFileSync('node', [script, 'ended', join(folder, `${name}.json`), String(code), join(folder, 'output')])
}

function summary(): string[] {
  return execFileSync('node', [script, 'summary', folder], { encoding: 'utf8' }).trimEnd().split('\n')
}

function failedFiles(name: string): string {
  return execFileSync('node', [script, 'failed-files', join(folder, `${name}.json`)], { encoding: 'utf8' })
}

describe('The summary of test runs', () => {
  it('counts several runs, and leaves out what was skipped', () => {
    report('own', [['a.test.ts', { one: 'passed', two: 'passed', three: 'skipped' }]])
    report('plain', [['a.test.ts', { one: 'passed' }]])
    expect(summary()).toEqual(['3 passed, 0 failed'])
  })

  it('tells a failed test with its message', () => {
    report('own', [['a.test.ts', { one: 'passed', two: 'failed' }]])
    expect(summary()).toEqual([
      'FAILED: test/a.test.ts > two',
      '    expected 1 to be 2',
      '        at line 3',
      '1 passed, 1 failed',
    ])
  })

  it('tells a test that passed in its second run, and counts it as passed', () => {
    report('own', [['a.test.ts', { one: 'passed', two: 'failed' }]])
    report('own-again', [['a.test.ts', { one: 'passed', two: 'passed' }]])
    expect(summary()[0]).toBe('UNSTEADY (failed, then passed alone): test/a.test.ts > two')
    expect(summary().at(-1)).toBe('2 passed, 0 failed')
  })

  it.each([
    ['fails again', [{ two: 'failed' }]],
    ['fails again on one of two servers', [{ two: 'failed' }, { two: 'passed' }]],
    ['is not run again', [{ one: 'passed' }]],
  ] as const)('counts a test that %s as failed', (_, second) => {
    report('own', [['a.test.ts', { two: 'failed' }]])
    report(
      'own-again',
      second.map((tests) => ['a.test.ts', tests]),
    )
    expect(summary().at(-1)).toBe('0 passed, 1 failed')
  })

  it('counts a test that failed in the second run only', () => {
    report('own', [['a.test.ts', { one: 'passed', two: 'failed' }]])
    report('own-again', [['a.test.ts', { one: 'failed', two: 'passed' }]])
    expect(summary()[0]).toBe('FAILED: test/a.test.ts > one')
    expect(summary().at(-1)).toBe('1 passed, 1 failed')
  })

  it('counts a file that could not be loaded', () => {
    report('own', [
      ['a.test.ts', { one: 'passed' }],
      ['broken.test.ts', {}],
    ])
    expect(summary()).toContain('FAILED: test/broken.test.ts > the file itself, or a hook of it')
    expect(summary().at(-1)).toBe('1 passed, 1 failed')
  })

  it('tells an error outside of any test, which fails the run, with its message', () => {
    report('own', [['a.test.ts', { one: 'passed' }]], ['/somewhere/test/a.test.ts'])
    expect(summary()).toEqual([
      'FAILED: test/a.test.ts > outside of any test (Unhandled Rejection)',
      '    Error: late',
      '1 passed, 1 failed',
    ])
  })

  it('tells an error outside of any test that did not happen again, and counts the tests alone', () => {
    report('own', [['a.test.ts', { one: 'passed' }]], ['/somewhere/test/a.test.ts'])
    report('own-again', [['a.test.ts', { one: 'passed' }]])
    expect(summary()[0]).toMatch(/^UNSTEADY .*: test\/a\.test\.ts > outside of any test/)
    expect(summary().at(-1)).toBe('1 passed, 0 failed')
  })

  it('counts an error outside of any test that happened again', () => {
    report('own', [['a.test.ts', { one: 'passed' }]], ['/somewhere/test/a.test.ts'])
    report('own-again', [['a.test.ts', { one: 'passed' }]], ['/somewhere/test/a.test.ts'])
    expect(summary().at(-1)).toBe('1 passed, 1 failed')
  })

  it('does not count a failed file as a test, where its second run passed', () => {
    report('own', [['broken.test.ts', {}]])
    report('own-again', [['broken.test.ts', { one: 'passed' }]])
    expect(summary().at(-1)).toBe('0 passed, 0 failed')
  })
})

describe('The end of a run', () => {
  it('that no test explains is a failure, told with the last lines of its output', () => {
    report('own', [['a.test.ts', { one: 'passed' }]])
    ended('own', 1, 'many lines\nsomething prevents the process from exiting\n')
    expect(summary()).toEqual([
      'FAILED: outside of any test (exit code 1)',
      '    many lines',
      '    something prevents the process from exiting',
      '1 passed, 1 failed',
    ])
  })

  it('is a failure where there is no report, or half of one', () => {
    ended('own', 137, 'Killed')
    writeFileSync(join(folder, 'plain.json'), '{"testResults":[{"na')
    ended('plain', 137, 'Killed')
    expect(summary().at(-1)).toBe('0 passed, 2 failed')
  })

  it('that is explained, or good, adds nothing', () => {
    report('own', [['a.test.ts', { one: 'passed', two: 'failed' }]])
    report('plain', [['a.test.ts', { one: 'passed' }]])
    ended('own', 1, 'two failed')
    ended('plain', 0, 'all is well')
    expect(summary().at(-1)).toBe('2 passed, 1 failed')
  })

  it('without an explanation is unsteady, where the second run is good', () => {
    report('own', [['a.test.ts', { one: 'passed' }]])
    ended('own', 1, 'what happened')
    expect(failedFiles('own')).toBe('\n')
    report('own-again', [['a.test.ts', { one: 'passed' }]])
    expect(summary()).toEqual([
      'UNSTEADY (failed, then passed alone): outside of any test (exit code 1)',
      '    what happened',
      '1 passed, 0 failed',
    ])
  })
})

describe('The files for a second run', () => {
  it('are those with a failed test, each once', () => {
    report('own', [
      ['a.test.ts', { one: 'failed', two: 'failed' }],
      ['b.test.ts', { one: 'passed' }],
      ['broken.test.ts', {}],
    ])
    expect(failedFiles('own')).toBe('/somewhere/test/a.test.ts\n/somewhere/test/broken.test.ts\n')
  })

  it('are those that ran while an error came from outside of any test, or have no name', () => {
    report('own', [['a.test.ts', { one: 'passed' }]], ['/somewhere/test/a.test.ts', ''])
    expect(failedFiles('own')).toBe('/somewhere/test/a.test.ts\n\n')
  })
})

describe('The JSON report of a run', () => {
  it('has the errors that come from outside of any test', () => {
    const test = join(folder, 'late.test.ts')
    const late = `it('ends first', () => void setImmediate(() => { throw new Error('late') }))`
    writeFileSync(
      test,
      `import { it, afterAll } from 'vitest'\nafterAll(() => new Promise((end) => setImmediate(end)))\n${late}`,
    )
    const reporter = `--reporter=${resolve('.ci/json-reporter.mjs')}`
    const args = [
      resolve('node_modules/vitest/vitest.mjs'),
      'run',
      '--root',
      folder,
      reporter,
      `--outputFile.json=${join(folder, 'late.json')}`,
    ]
    expect(spawnSync('node', args).status).toBe(1)
    expect(summary().slice(0, 2)).toEqual([
      expect.stringMatching(/^FAILED: .*late\.test\.ts > outside of any test \(Uncaught Exception\)$/),
      '    Error: late',
    ])
    expect(summary().at(-1)).toBe('1 passed, 1 failed')
  })
})
