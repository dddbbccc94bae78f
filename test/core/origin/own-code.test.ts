import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { SourceMap } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { describe, expect, it, onTestFinished } from 'vitest'
import { isBundled, isOwnCode } from '../../../src/core/origin/own-code.ts'

const sourceFolder = fileURLToPath(new URL('../../../src/', import.meta.url))

/** A library that calls this package, and an application that calls the library. */
const program = (
  excluded: string,
) => `import { excludeInBundle } from '${sourceFolder}core/origin/own-code.ts'
import { captureStack, originOf } from '${sourceFolder}core/origin/origin.ts'
function acquireFromLibrary() {
  const present = { ...originOf(captureStack()) } // library
  return [present.line, present.column].join(':')
}
excludeInBundle(${excluded})
class Application {
  load() {
    return acquireFromLibrary() // application
  }
}
console.log(new Application().load())`

/** The comment at the line that is found in a bundle without a source map. */
async function foundIn(minify: boolean, excluded: string): Promise<string | undefined> {
  const folder = mkdtempSync(join(tmpdir(), 'own-code-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const text = program(excluded)
  writeFileSync(join(folder, 'program.ts'), text)
  const outfile = join(folder, 'bundle.mjs')
  const options = { bundle: true, format: 'esm', platform: 'node', sourcemap: 'external' } as const
  await build({ entryPoints: [join(folder, 'program.ts')], minify, outfile, ...options })
  const printed = execFileSync(process.execPath, [outfile], { encoding: 'utf8' })
  const [line = 0, column = 0] = printed.split(':').map(Number)
  const map = new SourceMap(JSON.parse(readFileSync(`${outfile}.map`, 'utf8')))
  const { originalLine = 0 } = map.findEntry(line - 1, column - 1) as { readonly originalLine?: number }
  return text.split('\n')[originalLine]?.split('// ')[1]
}

describe('the code of this package', () => {
  it('is known by its folder where it is in one', () => {
    expect(isBundled).toBe(false)
    expect(isOwnCode({ file: `${sourceFolder}lifeguard.ts`, line: 1, column: 1 })).toBe(true)
    expect(isOwnCode({ file: import.meta.filename, line: 1, column: 1 })).toBe(false)
  })

  it.each([false, true])('is known by its text in a bundle, minified: %s', async (minify) => {
    expect(await foundIn(minify, '')).toBe('library')
    expect(await foundIn(minify, 'acquireFromLibrary')).toBe('application')
  })

  it('is not known by text that the application may have as well, nor by native code', async () => {
    expect(await foundIn(true, '(() => 1), acquireFromLibrary.bind(null), undefined')).toBe('library')
  })
})
