import { spawn } from 'node:child_process'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import ts from 'typescript'
import { afterAll, beforeAll, inject } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
export const fixtures = join(root, 'test', 'compatibility', 'fixtures')

/** A busy machine starts processes slowly; one that has not come to its end by then never will. */
const hangingMillis = 60_000
/** For tests that run processes. */
export const processTestMillis = hangingMillis + 5_000

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface FixtureOptions {
  /** What the fixture finds in `process.argv` from index 2 on. */
  readonly args?: readonly string[]
  readonly nodeArgs?: readonly string[]
}

/** Runs a file in a process of its own, and gives what it came to. One that hangs is killed, and says so by its signal. */
export function runProcess(file: string, { args = [], nodeArgs = [] }: FixtureOptions = {}): Promise<Exit> {
  const env = { ...process.env, NO_COLOR: '1' }
  // Vitest's own flags and variables are none of the child's.
  for (const name of ['NODE_OPTIONS', 'NODE_ENV', 'VITEST', 'FORCE_COLOR']) Reflect.deleteProperty(env, name)
  const child = spawn(process.execPath, [...nodeArgs, file, ...args], {
    cwd: root,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: hangingMillis,
    killSignal: 'SIGKILL',
  })
  const output = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text))
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ code, signal, ...output }))
  })
}

/** The project as `tsc` emits it, in a temporary folder that is there for the tests of one file. */
export function useCompiledFixtures(): (name: string, options?: FixtureOptions) => Promise<Exit> {
  let folder = ''
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'lifeguard-compiled-'))
    // A published package has no maps to files that its user does not have; the user's own code has.
    cpSync(join(inject('compiledPackage'), 'dist'), join(folder, 'dist'), { recursive: true })
    compile(fixtures, join(folder, relative(root, fixtures)))
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'junction')
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  return (name, options) => runProcess(join(folder, relative(root, fixtures), `${name}.js`), options)
}

function compile(from: string, to: string): void {
  for (const entry of readdirSync(from, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith('.ts')) continue
    const file = join(entry.parentPath, entry.name)
    const target = join(to, relative(from, file)).replace(/\.ts$/, '.js')
    const text = readFileSync(file, 'utf8').replace("'../../../src/index.ts'", "'../../../dist/index.js'")
    const { outputText, sourceMapText } = ts.transpileModule(text, {
      fileName: file,
      compilerOptions: {
        target: ts.ScriptTarget.ES2022,
        module: ts.ModuleKind.ESNext,
        verbatimModuleSyntax: true,
        rewriteRelativeImportExtensions: true,
        sourceMap: true,
        // A map names its source relative to itself; here the two lie apart.
        sourceRoot: `${pathToFileURL(dirname(file)).href}/`,
      },
    })
    mkdirSync(dirname(target), { recursive: true })
    writeFileSync(target, outputText)
    if (sourceMapText !== undefined) writeFileSync(`${target}.map`, sourceMapText)
  }
}

/** Where in a fixture the `token` of the only line with this code stands, as stacks count: both from 1. */
export function placeOf(fixture: string, code: string, token: string) {
  const file = join(fixtures, `${fixture}.ts`)
  const lines = readFileSync(file, 'utf8').split('\n')
  const matching = lines.filter((line) => line.includes(code))
  const [text] = matching
  if (text === undefined || matching.length > 1 || !text.includes(token)) {
    throw new Error(`${matching.length} lines of ${fixture} contain ${code}`)
  }
  return { file, line: lines.indexOf(text) + 1, column: text.indexOf(token) + 1 }
}
