/**
 * Judges the package as its users get it: packs it, checks what is inside, lets publint and Are The Types Wrong? look at
 * it, installs it into an empty ESM and an empty CommonJS project, type-checks these, runs them in bare Node, and runs the
 * command line.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative, sep } from 'node:path'
import { text } from 'node:stream/consumers'
import { startServer } from '../test/support/embedded-server.ts'
import { bundle } from './bundle.ts'
import { install, morePackages, ofScripts } from './more-packages.ts'

interface Manifest {
  readonly version: string
  readonly name: string
  readonly exports: Readonly<Record<string, string | Conditions>>
  readonly sideEffects: false | readonly string[]
  readonly peerDependencies: Readonly<Record<string, string>>
  readonly devDependencies: Readonly<Record<string, string>>
}

/** Either kind of module, or ES modules alone. */
type Conditions = { readonly import: Target; readonly require: Target } | Target
type Target = { readonly types: string; readonly default: string }

const root = join(import.meta.dirname, '..')
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'pg-lifeguard-package-')))
const manifest = manifestOf(root)
/** What a user can import: everything in `exports` but package.json itself. */
const entries = Object.entries(manifest.exports).flatMap(([subpath, target]) =>
  typeof target === 'string' ? [] : [{ specifier: manifest.name + subpath.slice(1), target }],
)
const esModulesOnly = entries.filter(({ target }) => isEsModule(target)).map(({ specifier }) => specifier)

type Kind = 'esm' | 'commonjs'
type Compilation = readonly [file: string, module: string, moduleResolution: string]

const compilations: Readonly<Record<Kind, readonly Compilation[]>> = {
  esm: [
    ['usage.ts', 'node16', 'node16'],
    ['usage.ts', 'esnext', 'bundler'],
  ],
  commonjs: [
    ['usage.ts', 'node16', 'node16'],
    ['dynamic.ts', 'node18', 'node16'],
    ['usage.ts', 'nodenext', 'nodenext'],
    ['usage.ts', 'commonjs', 'bundler'],
  ],
}

await install(...ofScripts)
const tarball = await step('pack', pack)
if (tarball) {
  await Promise.all([
    step('publint', () => tool('publint', ['run', tarball, '--strict'])),
    step('are the types wrong', () => typesAreRight(tarball)),
    step('ESM project', () => consume('esm', tarball)),
    step('CommonJS project', () => consume('commonjs', tarball)),
  ])
  await step('command line', () => runCommandLine(join(folder, 'esm')))
}
rmSync(folder, { recursive: true, force: true })

/** Reports the outcome and goes on, so that one run tells all that is wrong. */
async function step<Result>(name: string, work: () => Promise<Result>): Promise<Result | undefined> {
  const start = performance.now()
  const report = (verdict: string) =>
    process.stdout.write(`${name}: ${verdict} (${((performance.now() - start) / 1000).toFixed(1)} s)\n`)
  try {
    const result = await work()
    report('ok')
    return result
  } catch (error) {
    report('failed')
    process.stdout.write(`${error instanceof Error ? error.message : error}\n`)
    process.exitCode = 1
    return undefined
  }
}

/** An entry point that cannot be required. One that is CommonJS alone can be imported as well. */
function isEsModule(target: Conditions): boolean {
  return 'default' in target && !target.default.startsWith('./dist/cjs/')
}

/** Packs as for the registry, with `prepack`, and compares the files with what src/ says should be there. */
async function pack(): Promise<string> {
  const report = await run('npm', ['pack', '--json', '--pack-destination', folder], root)
  const [packed] = JSON.parse(report) as [{ filename: string; files: { path: string }[] }]
  const declarations = filesBelow('src')
    .filter((path) => path.endsWith('.ts') && !path.startsWith('cli/'))
    .map((path) => path.replace(/\.ts$/, '.d.ts'))
  const compiled = [...(await bundle()).keys(), ...declarations, ...declarations.map((path) => `cjs/${path}`)]
  const expected = [
    ...[
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'SECURITY.md',
      'llms.txt',
      'package.json',
      'schema/finding.json',
    ],
    // Pictures of the live page are larger than all the rest.
    ...filesBelow('docs')
      .filter((path) => !/^pictures\/page-.*\.png$/.test(path))
      .map((path) => `docs/${path}`),
    ...compiled.map((path) => `dist/${path}`),
  ]
  const paths = packed.files.map(({ path }) => path)
  const missing = expected.filter((path) => !paths.includes(path))
  const unexpected = paths.filter((path) => !expected.includes(path))
  if (missing.length + unexpected.length > 0) {
    throw new Error(`missing: ${missing.join(', ') || '-'}\nunexpected: ${unexpected.join(', ') || '-'}`)
  }
  return join(folder, packed.filename)
}

function filesBelow(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(join(root, folder), join(entry.parentPath, entry.name)).split(sep).join('/'))
}

/** A CommonJS file may load an entry point of ES modules by `import()` alone, which is no fault of its types. */
async function typesAreRight(tarball: string): Promise<void> {
  const dual = ['--profile', 'node16', '--exclude-entrypoints', ...esModulesOnly.map(subpathOf)]
  const single = ['--profile', 'esm-only', '--entrypoints', ...esModulesOnly.map(subpathOf)]
  for (const choice of [dual, single]) await tool('attw', [tarball, '--no-emoji', ...choice])
}

function subpathOf(specifier: string): string {
  return specifier.slice(manifest.name.length + 1)
}

async function consume(kind: Kind, tarball: string): Promise<void> {
  const project = join(folder, kind)
  cpSync(join(root, 'test/package', kind), project, { recursive: true })
  const quick = ['--prefer-offline', '--no-audit', '--no-fund']
  await run('npm', ['install', ...quick, tarball, ...companions()], project)

  // Type-checks the declarations of every entry point; `import()` is what all module kinds have in common.
  const imports = entries.map(({ specifier }) => `  () => import('${specifier}'),`)
  writeFileSync(join(project, 'entries.ts'), ['export const entries = [', ...imports, ']', ''].join('\n'))

  // An entry point that is listed in `sideEffects` may have some.
  const { sideEffects } = manifest
  const loaded = entries
    .filter(({ target }) => kind === 'esm' || !isEsModule(target))
    .filter(
      ({ target }) =>
        !(sideEffects || []).includes('import' in target ? target.import.default : target.default),
    )
  const load = kind === 'esm' ? 'load.js' : 'load.cjs'
  await Promise.all([
    node(project, load, ...loaded.map(({ specifier }) => specifier)),
    ...compilations[kind].map((compilation) => compileAndRun(project, compilation)),
    ...(kind === 'commonjs' ? [showsSnapshot(project, 'usage.cjs')] : []),
  ])
}

/** As a user runs it from the project that it is installed in, on a real server. */
async function runCommandLine(project: string): Promise<void> {
  await using server = await startServer()
  const npx = (...args: string[]) => run('npx', ['--no-install', 'pg-lifeguard', ...args], project)
  assert.equal(await npx('--version'), `${manifest.version}\n`)
  assert.match(await npx('check', '--help'), /--min-idle/)
  assert.match(await npx('check', '--url', server.url), /Nothing blocks/)
  const nobody = npx('check', '--url', 'postgres://nobody@127.0.0.1:1/nothing')
  await assert.rejects(nobody, /exit code 3/)
}

async function compileAndRun(project: string, [file, module, resolution]: Compilation): Promise<void> {
  const output = `out-${module}`
  const flags = [
    '--strict --exactOptionalPropertyTypes --target es2022 --lib es2022 --types node',
    // The compiler's own declarations are none of our business and cost seconds.
    '--skipLibCheck false --skipDefaultLibCheck true',
    `--module ${module} --moduleResolution ${resolution} --outDir ${output}`,
  ]
  await tool('tsc', [file, 'entries.ts', ...flags.join(' ').split(' ')], project)
  await showsSnapshot(project, join(output, file.replace('.ts', '.js')))
}

async function showsSnapshot(project: string, file: string): Promise<void> {
  const snapshot = JSON.parse(await node(project, file))
  assert.equal(snapshot.pools.length, 1, `${file} printed no snapshot of the pool it watches`)
}

/** The peers, and the types that a TypeScript user of them has, in the versions that this checkout has. */
function companions(): string[] {
  const types = Object.keys(manifest.peerDependencies).map((peer) => `@types/${peer}`)
  const wanted = [...Object.keys(manifest.peerDependencies), '@types/node', ...types]
  return wanted
    .filter((name) => name in manifest.devDependencies)
    .map((name) => `${name}@${manifestOf(join(root, 'node_modules', name)).version}`)
}

function manifestOf(packageFolder: string): Manifest {
  return JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8'))
}

/** A warning, such as Node's about an experimental feature, counts as a failure. */
async function node(project: string, ...args: string[]): Promise<string> {
  return run(process.execPath, args, project, { refuseWarnings: true })
}

/** A command of the packages of this repository, or of those that only scripts need. */
async function tool(name: string, args: readonly string[], cwd = root): Promise<string> {
  const own = join(root, 'node_modules/.bin', name)
  return run(existsSync(own) ? own : join(morePackages, 'node_modules/.bin', name), args, cwd)
}

async function run(
  command: string,
  args: readonly string[],
  cwd: string,
  { refuseWarnings = false } = {},
): Promise<string> {
  // npm and the tools are .cmd files on Windows, which only its shell can start.
  const shell = process.platform === 'win32' && command !== process.execPath
  const child = spawn(command, args, { cwd, shell, stdio: ['ignore', 'pipe', 'pipe'] })
  const [output, errors, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ])
  if (code !== 0 || (refuseWarnings && errors !== '')) {
    throw new Error(`${relative(root, command)} ${args.join(' ')} (exit code ${code})\n${output}${errors}`)
  }
  return output
}
