import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from 'esbuild'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { withFileLock } from '../../src/testing/file-lock.ts'
import { LeakCheckError } from '../../src/testing/leak-error.ts'

const brief = { abandonedMillis: 50 }

let compiledFolder = ''
let compiled = ''
beforeAll(async () => {
  compiledFolder = mkdtempSync(join(tmpdir(), 'file-lock-compiled-'))
  const outfile = join(compiledFolder, 'file-lock.mjs')
  const entryPoints = [join(import.meta.dirname, '../../src/testing/file-lock.ts')]
  await build({ entryPoints, outfile, bundle: true, format: 'esm', platform: 'node' })
  compiled = pathToFileURL(outfile).href
})
afterAll(() => rmSync(compiledFolder, { recursive: true }))

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'file-lock-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const lock = () => join(folder, 'leaks.json.lock')

/** Processes that each add one to a number in a file so many times, below the lock. */
async function count(processes: number, rounds: number, options = {}): Promise<number> {
  const file = join(folder, 'count')
  writeFileSync(file, '0')
  const program = `
    import { readFileSync, writeFileSync } from 'node:fs'
    import { withFileLock } from ${JSON.stringify(compiled)}
    const [file, lock] = ${JSON.stringify([file, lock()])}
    for (let round = 0; round < ${rounds}; round++) {
      withFileLock(lock, () => writeFileSync(file, String(Number(readFileSync(file, 'utf8')) + 1)), ${JSON.stringify(options)})
    }`
  const args = ['--input-type=module', '--eval', program]
  const children = Array.from({ length: processes }, () =>
    spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] }),
  )
  const codes = await Promise.all(children.map(async (child) => (await once(child, 'exit'))[0]))
  expect(codes).toEqual(children.map(() => 0))
  return Number(readFileSync(file, 'utf8'))
}

describe('a file lock', () => {
  it('lets one process at a time at the file', async () => {
    expect(await count(4, 50)).toBe(200)
    expect(readdirSync(folder)).toEqual(['count'])
  }, 120_000)

  it('that a dead process left is removed, by one of those who wait', async () => {
    writeFileSync(lock(), '4711 dead')
    // Long enough for a live process that a busy machine keeps waiting.
    expect(await count(4, 10, { abandonedMillis: 2_000 })).toBe(40)
    expect(readdirSync(folder)).toEqual(['count'])
  }, 120_000)

  it('is given up after an error', () => {
    expect(() =>
      withFileLock(lock(), () => {
        throw new Error('no space')
      }),
    ).toThrow('no space')
    expect(existsSync(lock())).toBe(false)
  })

  it('is left to the process that has taken it over', () => {
    withFileLock(lock(), () => writeFileSync(lock(), '4711 other'))
    expect(readFileSync(lock(), 'utf8')).toBe('4711 other')
  })

  it('of a live process is waited for with an end', () => {
    writeFileSync(lock(), '4711 alive')
    const take = () => withFileLock(lock(), () => 'taken', { abandonedMillis: 60_000, patienceMillis: 50 })
    expect(take).toThrow(LeakCheckError)
    expect(take).toThrow(/leaks\.json\.lock is still there after 0\.05 s: remove it by hand$/)
  })

  it('does not wait for fake timers', () => {
    vi.useFakeTimers()
    try {
      writeFileSync(lock(), '4711 dead')
      expect(withFileLock(lock(), () => 'taken', brief)).toBe('taken')
    } finally {
      vi.useRealTimers()
    }
  })

  it('in a folder that does not exist is an error', () => {
    expect(() => withFileLock(join(folder, 'none', 'lock'), () => 'taken')).toThrow('ENOENT')
  })
})
