import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { exitCode, pgLifeguard } from '../cli/command-line.ts'
import { examplePaths, pagePaths, readPage, root } from './page.ts'

const serverSamples = 'test/docs/server-samples.test.ts'
const incident = 'test/docs/migration-timeouts.test.ts'
const services = 'test/docs/service-examples.test.ts'
const runners = 'test/docs/leak-check-examples.test.ts'
const libraries = 'test/all/libraries/examples/services.test.ts'
const hangs = 'test/testing/contract/set-ups.ts'
const observability = 'test/docs/observability-samples.test.ts'

/** For each page, the test that compares each of its outputs with what is really printed, in their order. */
const comparedBy: Readonly<Record<string, readonly string[]>> = {
  'docs/guide.md': ['test/docs/guide-sample.test.ts'],
  'docs/migration-timeouts.md': [incident, incident, incident, 'test/all/docs/migration-timeouts.test.ts'],
  'docs/observability.md': [
    observability,
    observability,
    observability,
    'test/reporters/statistics-text.test.ts',
  ],
  'docs/register.md': ['test/docs/register.test.ts'],
  'docs/server.md': [serverSamples, serverSamples, 'test/all/docs/pgbouncer-sample.test.ts'],
  'docs/testing.md': [hangs, hangs],
  'docs/watch.md': [serverSamples],
  'examples/express/README.md': [services],
  'examples/fastify/README.md': [services],
  'examples/fastify-postgres/README.md': [libraries],
  'examples/incident/README.md': Array(2).fill('test/all/docs/incident-example.test.ts'),
  'examples/jest/README.md': [runners],
  'examples/jobs/README.md': [libraries, libraries],
  'examples/nest/README.md': [libraries],
  'examples/vitest/README.md': [runners],
}

describe.each([...pagePaths, ...examplePaths])('the outputs that %s shows', (path) => {
  const { blocks } = readPage(path)

  it('are each compared by a test', () => {
    const shown = blocks.filter(({ language }) => language === 'text' || language === '')
    const tests = comparedBy[path] ?? []
    expect(shown.length).toBe(tests.length)
    const [, folder = '', example = ''] = /^(.*?)\/([^/]+)(?:\/README)?(?:\.md)?$/.exec(path) ?? []
    for (const test of tests) {
      const text = readFileSync(join(root, test), 'utf8')
      const named = folder === 'examples' ? text.includes(example) : text.includes(path)
      expect(named, `${test} names ${path}`).toBe(true)
    }
  })
})

const commandLines = [...pagePaths, ...examplePaths].flatMap((path) =>
  readPage(path)
    .blocks.filter(({ language }) => language === 'sh')
    .flatMap(({ code }) => code.split('\n'))
    .map((line) => /^(?:\S+=\S+ )*npx pg-lifeguard (.*?)(?: +#.*)?$/.exec(line)?.[1])
    .filter((line) => line !== undefined)
    .map((line) => ({ path, line })),
)

describe('the command lines of the documentation', () => {
  it('are found', () => {
    expect(commandLines.length).toBeGreaterThan(10)
  })

  it.each(commandLines)('are valid: $line', async ({ line }) => {
    // None of them finds a server there, and none gets so far if its options are wrong.
    const url = 'postgres://nobody@127.0.0.1:1/nothing'
    const { code, err } = await pgLifeguard(line.split(' '), { url, env: { PATH: process.env.PATH } })
    expect(code, err).toBe(line.endsWith('--help') ? exitCode.clean : exitCode.noConnection)
  })
})
