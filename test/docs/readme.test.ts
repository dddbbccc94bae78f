import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { useDatabase } from '../support/database.ts'
import { readPage, root } from './page.ts'
import { playReadme, reportIn, tables, withoutPids } from './readme-play.ts'

const db = useDatabase()
const { text, blocks } = readPage('README.md')

describe('the first screen of the README', () => {
  let printed = ''

  beforeAll(async () => {
    for (const table of tables) await db.query(table)
    printed = await playReadme(db.config)
  })

  it('sets up what the story is played with, but for its clock', () => {
    const played = readFileSync(join(import.meta.dirname, 'readme/src/database.ts'), 'utf8')
    const told = played.replace("import { clock } from '../clock.ts'\n", '').replace('{ clock }', '')
    expect(blocks.find(({ language }) => language === 'ts')?.code).toBe(
      `// src/database.js\n${told.trimEnd()}`,
    )
  })

  it.each(['light', 'dark'])('shows what is printed, but for the process id, on a %s page', (page) => {
    const path = `docs/pictures/report-${page}.svg`
    expect(text).toContain(path)
    const shown = readFileSync(join(root, path), 'utf8')
      .match(/(?<=<text [^>]*>).*(?=<\/text>)/g)
      ?.map((line) => unescaped(line.replaceAll(/<[^>]*>/g, '')))
    expect(withoutPids(shown?.join('\n') ?? '')).toBe(withoutPids(reportIn(printed)))
  })

  it.each(['light', 'dark'])('keeps the indentation in every browser, on a %s page', (page) => {
    const picture = readFileSync(join(root, `docs/pictures/report-${page}.svg`), 'utf8')
    expect(
      picture
        .match(/(?<=<text [^>]*>).*(?=<\/text>)/g)
        ?.join('')
        .replaceAll(/<[^>]*>/g, ''),
    ).not.toContain(' ')
  })

  it('says what the pool lacks before that, in one line', () => {
    expect(printed.split('\n\n')[0]).toMatch(/^\S+Z pg-lifeguard: pool main .*statement_timeout.*$/)
  })

  it('is read in a few minutes', () => {
    const prose = text.replaceAll(/```[\s\S]*?```/g, '')
    expect(prose.split(/\s+/).filter((word) => /\w/.test(word)).length).toBeLessThanOrEqual(720)
  })
})

function unescaped(text: string): string {
  return text
    .replaceAll('\u00a0', ' ')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&')
}
