import { createRequire } from 'node:module'
import { join } from 'node:path'
import { build } from 'esbuild'
import { beforeAll, describe, expect, it } from 'vitest'
import type { Finding } from '../../../../src/index.ts'
import { useDatabase } from '../../../support/database.ts'
import { application, crossed, expected } from './application.ts'
import { useBundleProject } from './bundle-project.ts'

const more = join(import.meta.dirname, '../../node_modules')
const webpack = createRequire(join(more, 'webpack/package.json'))('webpack') as Webpack
type Webpack = (
  options: object,
  done: (error: Error | null, stats?: { hasErrors(): boolean; toString(): string }) => void,
) => void

const db = useDatabase()
const project = useBundleProject(db, {})
beforeAll(() => project.write({ ...application, 'src/crossed.js': crossed }))

type Format = 'cjs' | 'esm'
const withMaps = ['--enable-source-maps']

async function esbuild(
  name: string,
  format: Format,
  minify: boolean,
  external: readonly string[],
  hasMap = false,
) {
  const outfile = project.file(
    `out/${name}-${format}${minify ? '-min' : ''}-${external.length}.${format === 'esm' ? 'mjs' : 'cjs'}`,
  )
  // What esbuild's documentation has for packages that call \`require\` in a bundle of ES modules.
  const require = `import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);`
  await build({
    entryPoints: [project.file(`src/${name}.js`)],
    outfile: hasMap ? outfile.replace(/\.\wjs$/, '-map$&') : outfile,
    bundle: true,
    platform: 'node',
    external: ['pg-native', ...external],
    sourcemap: hasMap ? true : 'external',
    ...(format === 'esm' ? { banner: { js: require } } : {}),
    format,
    minify,
  })
  return hasMap ? outfile.replace(/\.\wjs$/, '-map$&') : outfile
}

function webpacked(mode: string, names: object, options: object = {}): Promise<string> {
  const path = project.file(`out/webpack-${mode}`)
  const entry = project.file('src/main.js')
  const output = { path, filename: 'main.cjs', ...names }
  const externals = { 'pg-native': 'commonjs pg-native' }
  const all = { mode, target: 'node', context: project.file('.'), entry, output, externals, ...options }
  return new Promise((resolve, reject) => {
    webpack(all, (error, stats) => {
      if (error !== null) reject(error)
      else if (stats?.hasErrors() === true) reject(new Error(stats.toString()))
      else resolve(join(path, 'main.cjs'))
    })
  })
}

const comments = (findings: readonly Finding[]) =>
  findings.map(({ kind, origin, eventOrigin }) => [
    kind,
    project.commentAt(origin),
    project.commentAt(eventOrigin),
  ])

describe.each<[Format, boolean]>([
  ['cjs', false],
  ['cjs', true],
  ['esm', false],
  ['esm', true],
])('a bundle of esbuild, %s, minified: %s', (format, minify) => {
  it.each<[string, readonly string[]]>([
    ['all in one file', []],
    ['pg outside', ['pg']],
    ['pg and pg-lifeguard outside', ['pg', 'pg-lifeguard']],
  ])('has the lines of the application, without its map: %s', async (_what, external) => {
    const file = await esbuild('main', format, minify, external)
    const { findings, messages } = await project.run(file)
    expect(comments(findings), messages.join('\n')).toEqual(expected)
  })

  it('has the lines of the source with its map', async () => {
    const file = await esbuild('main', format, minify, [], true)
    const { findings, messages } = await project.run(file, withMaps)
    expect(comments(findings), messages.join('\n')).toEqual(expected)
    const files = findings.map(({ origin }) => origin?.file)
    expect(new Set(files)).toEqual(new Set([project.file('src/acts.js')]))
  })

  it('has a lifeguard that works with middleware, leak check and reporter of a copy outside, and the other way round', async () => {
    const file = await esbuild('crossed', format, minify, ['pg', 'other-lifeguard'])
    const { messages } = await project.run(file)
    const right = {
      isOther: true,
      reported: [['outlived-scope', 'GET /orders']],
      error: 'LeakError',
      isLeak: true,
    }
    expect(messages.map((line) => JSON.parse(line))).toEqual([right, right])
  })
})

describe('a bundle of webpack', () => {
  it('has the lines of the application, minified, with its map and without', async () => {
    const file = await webpacked(
      'production',
      { devtoolModuleFilenameTemplate: '[absolute-resource-path]' },
      { devtool: 'source-map' },
    )
    const [without, mapped] = await Promise.all([project.run(file), project.run(file, withMaps)])
    expect(comments(without.findings)).toEqual(expected)
    expect(comments(mapped.findings)).toEqual(expected)
    expect(mapped.findings[0]?.origin?.file).toBe(project.file('src/acts.js'))
  })

  it('has the modules of the application where webpack evaluates them, in development', async () => {
    const { findings } = await project.run(await webpacked('development', {}))
    expect(findings.map(({ kind }) => kind)).toEqual(expected.map(([kind]) => kind))
    const modules = findings.flatMap(({ origin, eventOrigin }) =>
      [origin, eventOrigin].filter((one) => one !== undefined),
    )
    expect(new Set(modules.map(({ file }) => file))).toEqual(new Set(['webpack:///./src/acts.js']))
  })
})
