import { execFile } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import ts from 'typescript'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const run = promisify(execFile)
const sourceFolder = fileURLToPath(new URL('../../../src/', import.meta.url))

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
    await copyFile(`${sourceFolder}core/origin/origin.ts`, join(folder, 'package/src/core/origin/origin.ts'))
    await compile(
      join(folder, 'package/src/core/origin/origin.ts'),
      join(folder, 'package/dist/cjs/pg-lifeguard.js'),
    )
    await mkdir(join(folder, 'app'))
    await writeFile(join(folder, 'app/program.ts'), program)
    await compile(join(folder, 'app/program.ts'), join(folder, 'app/program.js'))
  })
  afterAll(() => rm(folder, { recursive: true }))

  it.each([
    ['tsx', ['--import', import.meta.resolve('tsx')], 'program.ts'],
    ['node --enable-source-maps', ['--enable-source-maps'], 'program.js'],
  ])('is the line of TypeScript under %s', async (_how, flags, file) => {
    const { stdout } = await run(process.execPath, [...flags, join(folder, 'app', file)])
    const line = program.split('\n').findIndex((text) => text.includes('captureStack())')) + 1
    const column = (program.split('\n')[line - 1] ?? '').indexOf('captureStack') + 1
    expect(stdout).toBe(`${join(folder, 'app/program.ts')} ${line} ${column} loadUser 10\n`)
  })

  it('is found in a bundle without a source map, where all code is in one file', async () => {
    const library = await readFile(join(folder, 'package/dist/cjs/pg-lifeguard.js'), 'utf8')
    const user = [
      'function loadUser() {',
      '  return originOf(captureStack())',
      '}',
      'const { file, line, column } = loadUser()',
      'console.log(file, line, column)',
    ]
    const text = `${library.replace(/^\/\/# sourceMappingURL.*/m, '')}\n${user.join('\n')}`
    await writeFile(join(folder, 'app/bundle.js'), text)
    const { stdout } = await run(process.execPath, [join(folder, 'app/bundle.js')])
    const line = text.split('\n').indexOf('  return originOf(captureStack())') + 1
    expect(stdout).toBe(`${join(folder, 'app/bundle.js')} ${line} 19\n`)
  })

  it('is found where Error.stackTraceLimit cannot be changed', async () => {
    const flags = ['--frozen-intrinsics', '--no-warnings']
    const { stdout } = await run(process.execPath, [...flags, join(folder, 'app/program.js')])
    expect(stdout).toMatch(/program\.js \d+ \d+ loadUser 10\n$/)
  })

  /** As the build does, with a map that leads back to the source. */
  async function compile(file: string, output: string): Promise<void> {
    const { outputText, sourceMapText } = ts.transpileModule(await readFile(file, 'utf8'), {
      fileName: file,
      compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, sourceMap: true },
    })
    const map = { ...JSON.parse(String(sourceMapText)), sources: [relative(dirname(output), file)] }
    await mkdir(dirname(output), { recursive: true })
    await writeFile(output, outputText.replace(/^(\/\/# sourceMappingURL=).*/m, `$1${basename(output)}.map`))
    await writeFile(`${output}.map`, JSON.stringify(map))
  }
})
