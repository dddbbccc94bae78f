import { execFile } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const run = promisify(execFile)
const sourceFolder = fileURLToPath(new URL('../../../src/', import.meta.url))

const tsx = import.meta.resolve('tsx')
/** As Next.js does. */
const formatting =
  "Error.prepareStackTrace = (error, sites) => error + sites.map((site) => '\\n    at ' + site).join('')"
const formatsStacks = ['--import', `data:text/javascript,${encodeURIComponent(formatting)}`]

describe('in a program of its own', () => {
  // What is erased above the line that asks moves that line up in the JavaScript that runs.
  const program = `import { captureStack, originOf } from '../package/dist/cjs/pg-lifeguard.js'
interface Erased {
  readonly one: string
  readonly two: string
}
type Line = ReturnType<typeof originOf>
function loadUser(_?: Erased): Line { return originOf(captureStack()) }
const origin: Line = loadUser()
console.log(origin?.file, origin?.line, origin?.column, origin?.functionName, Error.stackTraceLimit)`

  let folder: string
  beforeAll(async () => {
    folder = await realpath(await mkdtemp(join(tmpdir(), 'origin-')))
    await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
    await mkdir(join(folder, 'package/src/core/origin'), { recursive: true })
    for (const name of ['origin.ts', 'caller-samples.ts', 'own-code.ts', 'stack-text.ts']) {
      await copyFile(`${sourceFolder}core/origin/${name}`, join(folder, 'package/src/core/origin', name))
    }
    await compile('package/src/core/origin/origin.ts', 'package/dist/cjs/pg-lifeguard.js', true)
    await mkdir(join(folder, 'app'))
    await writeFile(join(folder, 'app/program.ts'), program)
    await compile('app/program.ts', 'app/program.js', false)
  })
  afterAll(() => rm(folder, { recursive: true }))

  it.each([
    ['tsx', ['--import', tsx], 'program.ts'],
    ['tsx with --enable-source-maps', ['--enable-source-maps', '--import', tsx], 'program.ts'],
    ['node --enable-source-maps', ['--enable-source-maps'], 'program.js'],
    [
      'the same, where the application formats stacks',
      ['--enable-source-maps', ...formatsStacks],
      'program.js',
    ],
  ])('is the line of TypeScript under %s', async (_how, flags, file) => {
    const { stdout } = await run(process.execPath, [...flags, join(folder, 'app', file)])
    const line = program.split('\n').findIndex((text) => text.includes('captureStack())')) + 1
    const column = (program.split('\n')[line - 1] ?? '').indexOf('captureStack') + 1
    expect(stdout).toBe(`${join(folder, 'app/program.ts')} ${line} ${column} loadUser 10\n`)
  })

  it('is found in a bundle without a source map, where all code is in one file', async () => {
    const file = join(folder, 'app/bundle.mjs')
    await compile('app/program.ts', 'app/bundle.mjs', true, false)
    const { stdout } = await run(process.execPath, [file])
    const lines = (await readFile(file, 'utf8')).split('\n')
    const line = lines.findIndex((text) => text.includes('originOf(captureStack())')) + 1
    const column = (lines[line - 1] ?? '').indexOf('captureStack') + 1
    expect(stdout).toBe(`${file} ${line} ${column} loadUser 10\n`)
  })

  it('is found where Error.stackTraceLimit cannot be changed', async () => {
    const flags = ['--frozen-intrinsics', '--no-warnings']
    const { stdout } = await run(process.execPath, [...flags, join(folder, 'app/program.js')])
    expect(stdout).toMatch(/program\.js \d+ \d+ loadUser 10\n$/)
  })

  /** As the build does, with a map that leads back to the source. */
  async function compile(file: string, output: string, bundle: boolean, sourcemap = true): Promise<void> {
    const options = { bundle, sourcemap, format: 'esm', platform: 'node', logLevel: 'silent' } as const
    await build({ entryPoints: [join(folder, file)], outfile: join(folder, output), ...options })
  }
})
