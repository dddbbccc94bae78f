import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { codeFrame } from '../../src/reporters/code-frame.ts'
import { plain } from '../../src/text/style.ts'
import { obeyed, steering } from './sample-findings.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'code-frame-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function frameOf(source: string, line: number, column: number, columns?: number): Promise<string[]> {
  const file = join(folder, 'source.ts')
  await writeFile(file, source)
  return codeFrame({ file, line, column }, plain, columns)
}

const twelve = Array.from({ length: 12 }, (_, index) => `line(${index + 1})`).join('\n')

describe('the source around a place', () => {
  it('is two lines before and after, with the place marked', async () => {
    expect(await frameOf(twelve, 5, 3)).toEqual([
      '  3 | line(3)',
      '  4 | line(4)',
      '> 5 | line(5)',
      '    |   ^',
      '  6 | line(6)',
      '  7 | line(7)',
    ])
  })

  it('is less at the beginning and at the end of the file', async () => {
    expect(await frameOf(twelve, 1, 1)).toEqual([
      '> 1 | line(1)',
      '    | ^',
      '  2 | line(2)',
      '  3 | line(3)',
    ])
    expect(await frameOf(twelve, 12, 1)).toEqual([
      '  10 | line(10)',
      '  11 | line(11)',
      '> 12 | line(12)',
      '     | ^',
    ])
  })

  it('keeps the numbers in line where they grow', async () => {
    expect(await frameOf(twelve, 9, 1)).toEqual([
      '   7 | line(7)',
      '   8 | line(8)',
      '>  9 | line(9)',
      '     | ^',
      '  10 | line(10)',
      '  11 | line(11)',
    ])
  })

  it('marks the place in a line that is indented by tabs, and ends lines as Windows does', async () => {
    expect(await frameOf('{\r\n\t\tawait pool.connect()\r\n}\r\n', 2, 14)).toEqual([
      '  1 | {',
      '> 2 |   await pool.connect()',
      '    |              ^',
      '  3 | }',
      '  4 |',
    ])
  })

  it('has no trailing blanks where a line is empty', async () => {
    const lines = await frameOf('a\n\nb\n\nc', 3, 1)
    expect(lines.filter((line) => line.endsWith(' '))).toEqual([])
  })

  it('is cut on the right, and around the mark in a long line', async () => {
    const long = `const sql = "${'x'.repeat(5000)}"; pool.connect(); ${'y'.repeat(5000)}`
    const seen = await frameOf(long, 1, 7)
    expect(seen).toHaveLength(2)
    expect(Math.max(...seen.map(({ length }) => length))).toBeLessThanOrEqual(120)
    expect(seen[0]).toMatch(/^> 1 \| const sql/)
    const [line = '', mark = ''] = await frameOf(long, 1, long.indexOf('connect') + 1)
    expect(line).toMatch(/^> 1 \| …x+"; pool\.connect\(\); y+$/)
    expect(line.length).toBeLessThanOrEqual(120)
    expect(line.slice(mark.indexOf('^'))).toMatch(/^connect/)
  })

  it('goes by the width of the terminal', async () => {
    const long = `pool.connect(${'x'.repeat(5000)})`
    for (const columns of [40, 80, 200]) {
      const [line = ''] = await frameOf(long, 1, 1, columns)
      // A report indents it by four.
      expect(line.length + 4).toBeLessThanOrEqual(columns)
      expect(line.length + 4).toBeGreaterThan(columns - 6)
    }
  })

  it('is not torn inside a character', async () => {
    for (let shift = 0; shift < 4; shift++) {
      const lines = await frameOf(`${' '.repeat(shift)}${'🛟'.repeat(200)}`, 1, 1)
      expect(() => encodeURIComponent(lines.join(''))).not.toThrow()
    }
  })

  it('cannot steer the terminal', async () => {
    const lines = await frameOf(`// ${steering.replaceAll('\r', '')}\npool.connect()`, 2, 1)
    expect(lines.join('\n')).not.toMatch(obeyed)
  })
})

describe('where the source is not to be had', () => {
  it.each([
    ['a file that does not exist', 'nowhere.ts', 1],
    ['a folder', 'folder', 1],
    ['a line beyond the end: the file has changed since', 'short.ts', 10],
  ])('nothing is shown of %s', async (_what, name, line) => {
    await mkdir(join(folder, 'folder'), { recursive: true })
    await writeFile(join(folder, 'short.ts'), 'one line')
    expect(codeFrame({ file: join(folder, name), line, column: 1 }, plain)).toEqual([])
  })

  it.each(['webpack://app/./src/a.ts', '', '\u0000', 'a\u0000b'])('nothing is shown of %j', (file) => {
    expect(codeFrame({ file, line: 1, column: 1 }, plain)).toEqual([])
  })
})
