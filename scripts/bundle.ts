/**
 * Makes the JavaScript of the package from src/: CommonJS bundles, called parts, in dist/cjs, and for each entry point an
 * ES module that exports the same names from its part. So `import` and `require` share one copy, a service loads few files,
 * and a part that few services need is loaded when it is used.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join, posix, relative, sep } from 'node:path'
import { type BuildOptions, build, type Plugin } from 'esbuild'
import {
  type Entry,
  type Format,
  type Graph,
  isLate,
  moduleAt,
  type Part,
  type Plan,
  planParts,
} from './parts.ts'

/** The files of dist/, by their path in it. */
export type Files = ReadonlyMap<string, string>

const root = join(import.meta.dirname, '..')
const src = join(root, 'src')
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
  const plan = planParts(entries, graph)
  const { parts, partOf, isWholePart } = plan
  const builds = [
    ...parts.flatMap((part) => part.formats.map((format) => buildPart(part, format, plan, graph, sourcemap))),
    buildCommandLine(sourcemap),
  ]
  const [outputs] = await Promise.all([
    Promise.all(builds),
    ...parts.map((part) => checkExports(part, plan, graph)),
  ])
  const files = new Map(outputs.flat())
  files.set('cjs/package.json', '{ "type": "commonjs" }\n')
  for (const { module, formats } of entries) {
    const { exports } = moduleAt(graph, module)
    const file = module.replace(/\.ts$/, '.js')
    if (formats.includes('cjs') && !isWholePart(module)) {
      files.set(`cjs/${file}`, commonJsEntry(module, partOf(module), exports))
    }
    if (formats.includes('esm') && !files.has(file)) files.set(file, esModuleEntry(module, exports))
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
    return {
      module: first.replace(/^\.\/dist\/(?:cjs\/)?/, '').replace(/\.js$/, '.ts'),
      formats: targets.map((path) => (path.startsWith('./dist/cjs/') ? 'cjs' : 'esm')),
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
    Object.values(metafile.outputs).map(({ entryPoint = '', exports, imports }) => {
      const isModule = (path: string) => path.endsWith('.ts')
      const isPackage = (path: string) => !isModule(path) && !path.startsWith('node:')
      return [
        moduleOf(join(root, entryPoint)),
        {
          exports,
          imports: imports.map(({ path }) => path).filter(isModule),
          importsPackages: imports.some(({ kind, path }) => kind === 'import-statement' && isPackage(path)),
        },
      ]
    }),
  )
}

async function buildPart(part: Part, format: Format, plan: Plan, graph: Graph, sourcemap: boolean) {
  const { outputFiles } = await build({
    ...entryOf(part, format, plan, graph),
    format,
    ...(format === 'cjs' ? { banner: { js: "'use strict';" } } : {}),
    sourcemap: sourcemap && 'linked',
  })
  return outputFiles.map(
    ({ path, text }) => [outputOf(path), format === 'cjs' ? portable(text) : text] as const,
  )
}

/**
 * Without what fails in a bundle that is an ES module, which is `require` of Node's own modules and of packages that are not
 * in the bundle; nor with what fails in Jest, which is `import()`.
 */
function portable(commonJs: string): string {
  return commonJs
    .replaceAll(/\brequire(?=\("node:[\w/]+"\))/g, 'process.getBuiltinModule')
    .replaceAll(/\bimport\(("[^"]+")\)/g, '$&.catch(() => ({ default: require($1) }))')
}

/** `export *` leaves out a name that several modules export. Only builds of ES modules report what there is. */
async function checkExports(part: Part, plan: Plan, graph: Graph): Promise<void> {
  const { metafile } = await build({ ...entryOf(part, 'cjs', plan, graph), format: 'esm', metafile: true })
  const names = new Set(Object.values(metafile.outputs).flatMap(({ exports }) => exports))
  const expected = part.exported.flatMap((module) => moduleAt(graph, module).exports)
  const lost = expected.filter((name) => !names.has(name))
  if (lost.length > 0) throw new Error(`several modules of ${part.name} export ${lost.join(', ')}`)
}

function entryOf({ name, exported }: Part, format: Format, { partOf }: Plan, graph: Graph) {
  const file = format === 'cjs' ? `cjs/${name}.js` : `${name}.js`
  return {
    ...common,
    stdin: {
      contents: exported.map((module) => `export * from './${module}'`).join('\n'),
      resolveDir: src,
      sourcefile: 'exports',
    },
    outfile: `dist/${file}`,
    plugins: [otherParts(name, file, partOf, graph)],
  }
}

/** Imports of other parts stay imports, of their files. */
function otherParts(part: string, file: string, partOf: Plan['partOf'], graph: Graph): Plugin {
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
  return outputFiles.map(({ path, text }) => [outputOf(path), text] as const)
}

/** Assignments, because readers of CommonJS modules find the names of exports in them. */
function commonJsEntry(module: string, part: string, names: readonly string[]): string {
  return [
    "'use strict'",
    "Object.defineProperty(exports, '__esModule', { value: true })",
    `const part = require('${pathBetween(module, `${part}.js`)}')`,
    ...names.map((name) => `exports.${name} = part.${name}`),
    '',
  ].join('\n')
}

function esModuleEntry(module: string, names: readonly string[]): string {
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

function outputOf(path: string): string {
  return slashed(relative(join(root, 'dist'), path))
}

function slashed(path: string): string {
  return path.split(sep).join('/')
}
