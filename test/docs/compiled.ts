import { join } from 'node:path'
import ts from 'typescript'
import { entryPoints } from './entry-points.ts'
import { exampleModule } from './example.ts'
import { type CodeBlock, readPage, root } from './page.ts'

// In a folder of the repository, where packages are found as the user's own code finds them. Nothing is written there.
const folder = join(root, '.tmp')
const surroundings = { stage: '../test/docs/stage.ts', lifeguard: 'pg-lifeguard' }

/** The README's own module, which other blocks of it import. */
const database = readPage('README.md').blocks.find(({ language }) => language === 'ts')?.code ?? ''
const ownModules = new Map(
  [join(folder, 'database.ts'), join(root, 'src/database.ts')].map((file) => [file, database]),
)

/** A piece of the documentation as a module. */
export interface Source {
  readonly page: string
  readonly line: number
  readonly file: string
  readonly text: string
  /** Codes of errors that do not count. */
  readonly ignored?: readonly number[]
  /** Where a line of the module is on its page. */
  place(line: number): string
}

export function asSource(block: CodeBlock): Source {
  const { page, line } = block
  const { text, visible } = exampleModule(block, surroundings)
  const file = join(folder, `${page.replaceAll(/\W/g, '-')}-${line}.ts`)
  return { page, line, file, text, place: (at: number) => `${page}:${line + at - visible[0]}` }
}

/** What the compiler has to say, by file. */
export function problemsOf(sources: readonly Source[]): Map<string, string[]> {
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
  for (const { file, code, start = 0, messageText } of found) {
    const name = file?.fileName ?? 'options'
    if (texts.get(name)?.ignored?.includes(code)) continue
    const line = (file?.getLineAndCharacterOfPosition(start).line ?? 0) + 1
    const text = `${texts.get(name)?.place(line) ?? name} ${ts.flattenDiagnosticMessageText(messageText, '\n')}`
    problems.set(name, [...(problems.get(name) ?? []), text])
  }
  return problems
}

export function repositoryOptions(): ts.CompilerOptions {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile)
  return ts.parseJsonConfigFileContent(config, { ...ts.sys, readDirectory: () => [] }, root).options
}
