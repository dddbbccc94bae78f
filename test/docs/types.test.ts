import { join } from 'node:path'
import ts from 'typescript'
import { beforeAll, describe, expect, it } from 'vitest'
import { entryPoints } from './entry-points.ts'
import { exampleModule } from './example.ts'
import { type CodeBlock, pagePaths, readPage, root } from './page.ts'

// In a folder of the repository, where packages are found as the user's own code finds them. Nothing is written there.
const folder = join(root, '.tmp')
const surroundings = { stage: '../test/docs/stage.ts', lifeguard: 'pg-lifeguard' }

/** The README's own module, which other blocks of it import. */
const database = readPage('README.md').blocks.find(({ language }) => language === 'ts')?.code ?? ''
const ownModules = new Map(
  [join(folder, 'database.ts'), join(root, 'src/database.ts')].map((file) => [file, database]),
)

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

interface Source {
  readonly file: string
  readonly text: string
  /** Where a line of the module is on its page. */
  place(line: number): string
}

function asSource(block: CodeBlock) {
  const { page, line } = block
  const { text, visible } = exampleModule(block, surroundings)
  const file = join(folder, `${page.replaceAll(/\W/g, '-')}-${line}.ts`)
  return { page, line, file, text, place: (at: number) => `${page}:${line + at - visible[0]}` }
}

/** What the compiler has to say, by file. */
function problemsOf(sources: readonly Source[]): Map<string, string[]> {
  const texts = new Map(sources.map((source) => [source.file, source]))
  const options: ts.CompilerOptions = {
    ...repositoryOptions(),
    paths: Object.fromEntries([...entryPoints].map(([name, source]) => [name, [source]])),
  }
  const host = ts.createCompilerHost(options)
  const { fileExists, readFile } = host
  host.fileExists = (name) => texts.has(name) || ownModules.has(name) || fileExists(name)
  host.readFile = (name) => texts.get(name)?.text ?? ownModules.get(name) ?? readFile(name)
  const program = ts.createProgram({ rootNames: [...texts.keys()], options, host })

  const problems = new Map<string, string[]>()
  // Of the examples alone: `npm run check` checks the rest, which would take as long again.
  const found = [...texts.keys()].flatMap((name) =>
    ts.getPreEmitDiagnostics(program, program.getSourceFile(name)),
  )
  for (const { file, start = 0, messageText } of found) {
    const name = file?.fileName ?? 'options'
    const line = (file?.getLineAndCharacterOfPosition(start).line ?? 0) + 1
    const text = `${texts.get(name)?.place(line) ?? name} ${ts.flattenDiagnosticMessageText(messageText, '\n')}`
    problems.set(name, [...(problems.get(name) ?? []), text])
  }
  return problems
}

function repositoryOptions(): ts.CompilerOptions {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile)
  return ts.parseJsonConfigFileContent(config, { ...ts.sys, readDirectory: () => [] }, root).options
}
