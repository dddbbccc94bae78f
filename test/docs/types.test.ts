import { beforeAll, describe, expect, it } from 'vitest'
import { asSource, problemsOf, type Source } from './compiled.ts'
import { hoverExamples } from './hovers.ts'
import { pagePaths, readPage } from './page.ts'

const blocks = pagePaths.flatMap((path) => readPage(path).blocks)
const examples = blocks.filter(({ language }) => language === 'ts').map(asSource)
const mistake = asSource({
  ...({ page: 'mistake.md', line: 10, anchor: '', language: 'ts', flag: '', before: '', after: '' } as const),
  code: "import { createLifeguard } from 'pg-lifeguard'\n\ncreateLifeguard({ mode: 'watch' })",
})

describe('code in the documentation', () => {
  let problems = new Map<string, string[]>()
  let hovering: readonly Source[] = []

  beforeAll(() => {
    hovering = hoverExamples()
    problems = problemsOf([...examples, ...hovering, mistake])
  }, 120_000)

  it.each(examples)('compiles: $page:$line', ({ file }) => {
    expect(problems.get(file)).toBeUndefined()
  })

  it('compiles in the comments that editors show', () => {
    expect(hovering.length).toBeGreaterThan(30)
    expect(hovering.flatMap(({ file }) => problems.get(file) ?? [])).toEqual([])
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
