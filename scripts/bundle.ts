/**
 * Makes the JavaScript of the package from src/: CommonJS bundles, called parts, in dist/cjs, and for each entry point an
 * ES module that exports the same names from its part. So `import` and `require` share one copy, a service loads few files,
 * and a part that few services need is loaded when it is used.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join, posix, relative, sep } from 'node:path'
import { type BuildOptions, build, type Plugin } from 'esbuild'

/** The files of dist/, by their path in it. */
export type Files = ReadonlyMap<string, string>

const root = join(import.meta.dirname, '..')
const src = join(root, 'src')

/** The part that every service loads. `src/core/origin/origin.ts` knows its name. */
const core = 'pg-lifeguard'

/** The parts of modules, by their path below src/. The first match counts; all other modules belong to the core. */
const parts: readonly (readonly [modules: RegExp, part: string])[] = [
  // Recognise what `watch` was given, for which nothing else is loaded.
  [/^hosts\/[\w-]+\/(?:shape|guarded-source)\.ts$/, core],
  [/^hosts\/(?!pg\/)([\w-]+)\//, 'hosts/$1'],
  [/^http\//, 'http'],
  [/^testing\/(jest|mocha|node-test|vitest)\.ts$/, 'testing/$1'],
  [/^(?:testing|service)\/|^reporters\/(?:github|junit|markdown|sarif)\.ts$/, 'testing'],
  [/^otel\//, 'otel/index'],
  [/^postgres\//, 'postgres/index'],
  [/^context\/cls-hooked\.ts$/, 'context/cls-hooked'],
  [/^register\/(?:guard|variables|presets|general-path)\.ts$/, 'register/guard'],
  [/^register\//, 'register/main'],
]

function partOf(module: string): string {
  for (const [modules, part] of parts) {
    const match = modules.exec(module)
    if (match !== null) return part.replace('$1', match[1] ?? '')
  }
  return core
}

/** Whether a part is loaded at the first use of it, instead of together with its user. */
function isLate(part: string, user: string): boolean {
  return user === 'register/main' || (user === core && part.startsWith('hosts/'))
}

interface Module {
  /** The names of its values. */
  readonly exports: readonly string[]
  /** The modules whose values it imports. */
  readonly imports: readonly string[]
}

type Graph = ReadonlyMap<string, Module>

/** A module that users can import, by its path below src/, and the kinds of modules that it is published as. */
interface Entry {
  readonly module: string
  readonly formats: readonly ('esm' | 'cjs')[]
}

const common = {
  absWorkingDir: root,
  bundle: true,
  packages: 'external',
  platform: 'node',
  target: 'node20.19',
  charset: 'utf8',
  legalComments: 'none',
  logLevel: 'warning',
  write: false,
} as const satisfies BuildOptions

/** Bundles src/ as it is now. */
export async function bundle({ sourcemap = true } = {}): Promise<Files> {
  const entries = readEntries()
  const graph = await readGraph()
  const files = new Map([['cjs/package.json', '{ "type": "commonjs" }\n']])
  const builds = [
    ...partsOf(entries, graph).map((part) => buildPart(part, entries, graph, sourcemap)),
    buildCommandLine(sourcemap),
  ]
  for (const output of await Promise.all(builds)) {
    for (const { path, text } of output) files.set(slashed(relative(join(root, 'dist'), path)), text)
  }
  for (const { module, formats } of entries) {
    const { exports } = moduleAt(graph, module)
    const file = module.replace(/\.ts$/, '.js')
    if (formats.includes('cjs') && !isWhole(module)) files.set(`cjs/${file}`, commonJsEntry(module, exports))
    if (formats.includes('esm') && !files.has(file)) files.set(file, esModuleEntry(module, formats, exports))
  }
  return files
}

/** The entry points of package.json, with which everything else begins. */
function readEntries(): readonly Entry[] {
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    readonly exports: Readonly<Record<string, object | string>>
  }
  return Object.values(exports).flatMap((conditions) => {
    const targets = JSON.stringify(conditions).match(/(?<=")\.\/dist\/[^"]+\.js(?=")/g) ?? []
    const [first] = targets
    if (first === undefined) return []
    const isCommonJs = (path: string) => path.startsWith('./dist/cjs/')
    return {
      module: first.replace(/^\.\/dist\/(?:cjs\/)?/, '').replace(/\.js$/, '.ts'),
      formats: targets.map((path) => (isCommonJs(path) ? 'cjs' : 'esm')),
    }
  })
}

async function readGraph(): Promise<Graph> {
  const files = readdirSync(src, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
  const separate: Plugin = {
    name: 'separate',
    setup({ onResolve }) {
      onResolve({ filter: /^\./ }, (args) => ({ path: importedModule(args), external: true }))
    },
  }
  const { metafile } = await build({
    ...common,
    entryPoints: files,
    outdir: 'dist',
    format: 'esm',
    metafile: true,
    plugins: [separate],
  })
  return new Map(
    Object.values(metafile.outputs).map(({ entryPoint = '', exports, imports }) => [
      moduleOf(join(root, entryPoint)),
      { exports, imports: imports.map(({ path }) => path).filter((path) => path.endsWith('.ts')) },
    ]),
  )
}

/** The parts that the entry points need. */
function partsOf(entries: readonly Entry[], graph: Graph): readonly string[] {
  const reached = new Set(entries.map(({ module }) => module))
  for (const module of reached) {
    for (const imported of moduleAt(graph, module).imports) reached.add(imported)
  }
  return [...new Set([...reached].map(partOf))]
}

/** Whether the part of an entry point is published as that entry point itself. */
function isWhole(entry: string): boolean {
  return `${partOf(entry)}.ts` === entry
}

async function buildPart(part: string, entries: readonly Entry[], graph: Graph, sourcemap: boolean) {
  const own = entries.filter(({ module }) => partOf(module) === part)
  const shared = [...graph]
    .filter(([module]) => !isOfCommandLine(module) && partOf(module) !== part)
    .flatMap(([, { imports }]) => imports.filter((module) => partOf(module) === part))
  const exported = [...new Set([...own.map(({ module }) => module), ...shared])].sort()
  const format = own.every(({ formats }) => !formats.includes('cjs')) && own.length > 0 ? 'esm' : 'cjs'
  if (own.some(({ module }) => isWhole(module)) && exported.length > 1) {
    throw new Error(`the part ${part} would export more than its entry point: ${exported.join(', ')}`)
  }
  const options = {
    ...common,
    stdin: {
      contents: exported.map((module) => `export * from './${module}'`).join('\n'),
      resolveDir: src,
      sourcefile: 'exports',
    },
    outfile: format === 'cjs' ? `dist/cjs/${part}.js` : `dist/${part}.js`,
    plugins: [otherParts(part, format, graph)],
  }
  const [{ outputFiles }, { metafile }] = await Promise.all([
    build({
      ...options,
      format,
      ...(format === 'cjs' ? { banner: { js: "'use strict';" } } : {}),
      // `import()` of a CommonJS module fails where the runner of tests loads modules itself, as Jest does.
      supported: { 'dynamic-import': format === 'esm' },
      sourcemap: sourcemap && 'linked',
    }),
    // Only of ES modules the exports are reported.
    build({ ...options, format: 'esm', metafile: true }),
  ])
  const names = new Set(Object.values(metafile.outputs).flatMap(({ exports }) => exports))
  const lost = exported
    .flatMap((module) => moduleAt(graph, module).exports)
    .filter((name) => !names.has(name))
  // `export *` leaves out what several modules export.
  if (lost.length > 0) throw new Error(`several modules of the part ${part} export ${lost.join(', ')}`)
  return outputFiles
}

/** Imports of other parts stay imports, of their files. */
function otherParts(part: string, format: 'esm' | 'cjs', graph: Graph): Plugin {
  const file = format === 'cjs' ? `cjs/${part}.js` : `${part}.js`
  const pathTo = (other: string) => pathBetween(file, `cjs/${other}.js`)
  return {
    name: 'other-parts',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^\./ }, (args) => {
        if (args.namespace === 'late') return { path: args.path, external: true }
        const module = importedModule(args)
        const other = partOf(module)
        if (other === part) return undefined
        return isLate(other, part)
          ? { path: module, namespace: 'late' }
          : { path: pathTo(other), external: true }
      })
      onLoad({ filter: /.*/, namespace: 'late' }, ({ path }) => ({
        contents: lateModule(pathTo(partOf(path)), moduleAt(graph, path).exports),
        resolveDir: src,
      }))
    },
  }
}

/** Its part is loaded when one of the names is read. */
function lateModule(file: string, names: readonly string[]): string {
  const getters = names.map((name) => `get ${name}() { return require('${file}').${name} },`)
  return ['module.exports = {', ...getters, '}'].join('\n')
}

/** In files for each command, with a copy of what it needs: it is started in a process of its own, and never imported. */
async function buildCommandLine(sourcemap: boolean) {
  const { outputFiles } = await build({
    ...common,
    entryPoints: [join(src, 'cli/main.ts')],
    outbase: src,
    outdir: 'dist',
    format: 'esm',
    splitting: true,
    chunkNames: 'cli/[name]-[hash]',
    sourcemap: sourcemap && 'linked',
  })
  return outputFiles
}

function isOfCommandLine(module: string): boolean {
  return module.startsWith('cli/')
}

/** Assignments, because readers of CommonJS modules find the names of exports in them. */
function commonJsEntry(module: string, names: readonly string[]): string {
  const path = pathBetween(module, `${partOf(module)}.js`)
  return [
    "'use strict'",
    "Object.defineProperty(exports, '__esModule', { value: true })",
    `const part = require('${path}')`,
    ...names.map((name) => `exports.${name} = part.${name}`),
    '',
  ].join('\n')
}

function esModuleEntry(module: string, formats: Entry['formats'], names: readonly string[]): string {
  if (!formats.includes('cjs')) throw new Error(`${module} has no part`)
  const path = pathBetween(module, `cjs/${module.replace(/\.ts$/, '.js')}`)
  return ['export {', ...names.map((name) => `  ${name},`), `} from '${path}'`, ''].join('\n')
}

function pathBetween(from: string, to: string): string {
  const path = posix.relative(posix.dirname(from), to)
  return path.startsWith('.') ? path : `./${path}`
}

function importedModule({
  resolveDir,
  path,
}: {
  readonly resolveDir: string
  readonly path: string
}): string {
  return moduleOf(join(resolveDir, path))
}

function moduleOf(file: string): string {
  return slashed(relative(src, file))
}

function moduleAt(graph: Graph, module: string): Module {
  const found = graph.get(module)
  if (found === undefined) throw new Error(`there is no module src/${module}`)
  return found
}

function slashed(path: string): string {
  return path.split(sep).join('/')
}
