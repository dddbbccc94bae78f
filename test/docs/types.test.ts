import { beforeAll, describe, expect, it } from 'vitest'
import { asSource, problemsOf } from './compiled.ts'
import { pagePaths, readPage } from './page.ts'

const blocks = pagePaths.flatMap((path) => readPage(path).blocks)
const examples = blocks.filter(({ language }) => language === 'ts').map(asSource)
const mistake = asSource({
  ...({ page: 'mistake.md', line: 10, anchor: '', language: 'ts', flag: '', before: '', after: '' } as const),
  code: "import { createLifeguard } from 'pg-lifeguard'\n\ncreateLifeguard({ mode: 'watch' })",
})

describe('code in the documentation', () => {
  let problems = new Map<string, string[]>()

  beforeAll(() => {
    problems = problemsOf([...examples, mistake])
  }, 60_000)

  it.each(examples)('compiles: $page:$line', ({ file }) => {
    expect(problems.get(file)).toBeUndefined()
  })

  it('would not compile with a mistake in it', () => {
    expect(problems.get(mistake.file)).toEqual([expect.stringMatching(/^mistake\.md:12 .*"watch"/)])
  })

  it('is TypeScript; the rest are commands, SQL and what is printed', () => {
    expect([...new Set(blocks.map(({ language }) => language))].toSorted()).toEqual([
      'mermaid',
      'sh',
      'sql',
      'text',
      'ts',
    ])
  })
})
