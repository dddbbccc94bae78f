import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readPage, root } from './page.ts'

const { text } = readPage('CONTRIBUTING.md')
const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: object }

describe('CONTRIBUTING.md', () => {
  it.each(['src', 'test/support'])('has one line for each file of %s, and for nothing else', (folder) => {
    const listed = [...text.matchAll(/^- `([^`]+)`: \S/gm)].map(([, file = '']) => file)
    const inFolder = listed.filter((file) => file.startsWith(`${folder}/`))
    expect(inFolder.toSorted()).toEqual(filesIn(folder))
  })

  it('names only commands that exist', () => {
    const named = [...text.matchAll(/npm run ([\w:]+)/g)].map(([, name]) => name)
    expect(named.length).toBeGreaterThan(0)
    expect(named.filter((name) => !(name ?? '' in scripts))).toEqual([])
  })
})

function filesIn(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.test.ts'))
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .toSorted()
}
