import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readPage, root } from './page.ts'

const { text } = readPage('docs/map.md')

describe('docs/map.md', () => {
  it.each(['src', 'test/support'])('has one line for each file of %s, and for nothing else', (folder) => {
    const listed = [...text.matchAll(/^- `([^`]+)`: \S/gm)].map(([, file = '']) => file)
    const inFolder = listed.filter((file) => file.startsWith(`${folder}/`))
    expect(inFolder.toSorted()).toEqual(filesIn(folder))
  })
})

function filesIn(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.test.ts'))
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .toSorted()
}
