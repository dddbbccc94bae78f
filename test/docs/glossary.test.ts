import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readPage, root } from './page.ts'

const { text } = readPage('docs/glossary.md')
const rows = [...text.matchAll(/^\| ([^|]+) \|/gm)].map(([, cell = '']) => cell).filter(isTerm)
const terms = rows.flatMap((cell) => cell.split(', '))

/** The word for the subject of each room. */
const roomWords: Readonly<Record<string, string>> = {
  access: 'reader',
  cli: 'command',
  client: 'client',
  context: 'context',
  core: 'checkout',
  guard: 'guard',
  hosts: 'host',
  jobs: 'job',
  register: 'register',
  page: 'page',
  postgres: 'session',
  remedies: 'remedy',
  reporters: 'reporter',
  rules: 'rule',
  service: 'service',
  testing: 'leak check',
  transactions: 'transaction',
}
/** Terms of the field, which need no explanation. */
const standard = ['sampler', 'sketch', 'wire']
/** Rooms named after a standard that needs no explanation here. */
const plainRooms = ['http', 'otel', 'sql', 'text']

const sources = readdirSync(join(root, 'src'), { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => ({
    path: join(entry.parentPath, entry.name),
    text: readFileSync(join(entry.parentPath, entry.name), 'utf8'),
  }))

describe('the glossary', () => {
  it('has the word of each room', () => {
    const folders = readdirSync(join(root, 'src'), { withFileTypes: true }).filter((at) => at.isDirectory())
    expect(folders.map(({ name }) => name).toSorted()).toEqual(
      [...Object.keys(roomWords), ...plainRooms].toSorted(),
    )
    expect(Object.values(roomWords).filter((word) => !terms.includes(word))).toEqual([])
  })

  it.each(['guard', 'core', 'hosts'])('has the word of each class in src/%s', (room) => {
    const classes = sources
      .filter(({ path }) => path.startsWith(join(root, 'src', room)))
      .flatMap(({ text }) => [...text.matchAll(/^export class (\w+)/gm)].map(([, name = '']) => name))
    const unknown = classes.filter((name) => !wordsOf(name).some((word) => isKnown(word)))
    expect(unknown).toEqual([])
  })

  it.each(['ledger', 'judge', 'enforcer', 'meter', 'inspection', 'fence', 'host', 'origin'])(
    'explains %s',
    (word) => expect(terms).toContain(word),
  )

  it('has no word that the source does not use', () => {
    const all = sources.map(({ path, text }) => `${path}\n${text}`).join('\n')
    expect(terms.filter((term) => !new RegExp(term.replaceAll(' ', '[\\s*-]*'), 'i').test(all))).toEqual([])
  })

  it('has each word once', () => {
    expect(terms.filter((term, at) => terms.indexOf(term) !== at)).toEqual([])
  })
})

function isTerm(cell: string): boolean {
  return cell !== 'word' && cell !== '---'
}

/** `PoolRecord` -> `pool record`, `record`, `pool`. */
function wordsOf(name: string): string[] {
  const words = name.split(/(?=[A-Z])/).map((word) => word.toLowerCase())
  return [words.join(' '), ...words]
}

function isKnown(word: string): boolean {
  return standard.includes(word) || terms.some((term) => term === word || word === `${term}s`)
}
