import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { deadLinks } from '../../../scripts/site/links.ts'
import { linkOnSite, output, pageOf, repositoryUrl, sources } from '../../../scripts/site/pages.ts'
import { findingKinds } from '../../../src/index.ts'
import { errorClasses } from '../../docs/errors.ts'
import { readPage, root } from '../../docs/page.ts'

const require = createRequire(join(root, 'scripts/site/package.json'))

describe('npm run docs', () => {
  beforeAll(() => {
    const tsx = createRequire(import.meta.url).resolve('tsx/cli')
    const { status, stdout, stderr } = spawnSync(process.execPath, [tsx, 'scripts/site.ts'], {
      cwd: root,
      encoding: 'utf8',
    })
    expect(status, stdout + stderr).toBe(0)
  }, 300_000)

  it('has a page for each file of docs/, and for README, changelog and the like', () => {
    const docs = readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md'))
    expect(docs.length).toBeGreaterThan(15)
    for (const name of docs) expect(sources).toContain(`docs/${name}`)
    for (const source of sources) {
      expect(headingsOf(source)[0], source).toBe(readPage(source).headings[0]?.anchor)
    }
  })

  it('has the anchors that the repository has', () => {
    for (const source of sources) {
      expect(headingsOf(source), source).toEqual(readPage(source).headings.map(({ anchor }) => anchor))
    }
  })

  it('has the page about each finding and error', () => {
    const paths = [
      ...findingKinds.map((kind) => `docs/findings.md#${kind}`),
      ...errorClasses.map(({ docs }) => docs),
    ]
    const missing = paths.filter((path) => {
      const [source = '', anchor] = path.split('#')
      return anchor !== undefined && !headingsOf(source).includes(anchor)
    })
    expect(missing).toEqual([])
  })

  it('has the pages in its navigation', () => {
    const links = new Set([...htmlOf('README.md').matchAll(/ href="([^"]+)"/g)].map(([, href]) => href))
    for (const source of sources) {
      const page = `/${pageOf(source).replace(/\.md$/, '.html')}`.replace(/index\.html$/, '')
      expect(links).toContain(page)
    }
  })

  it("finds 'idle in transaction'", async () => {
    const chunks = join(output, 'assets/chunks')
    const index = readdirSync(chunks).find((name) => name.startsWith('@localSearchIndex')) ?? ''
    const { default: json } = await import(join(chunks, index))
    const fields = ['title', 'titles', 'text']
    const found = require('minisearch')
      .loadJSON(json, { fields, storeFields: ['title', 'titles'] })
      .search('idle in transaction', { combineWith: 'AND' })
      .map(({ id }: { id: string }) => id)
    expect(found).toContain('/docs/findings.html#idle-transaction')
    expect(found).toContain('/docs/server.html#terminate')
  })

  it('has llms.txt, and the pages that it names as they are written', () => {
    expect(readFileSync(join(output, 'llms.txt'), 'utf8')).toContain('](docs/register.md)')
    expect(readFileSync(join(output, 'docs/register.md'), 'utf8')).toBe(readPage('docs/register.md').text)
  })
})

describe('the links of the site', () => {
  it('lead to pages, or to the repository', () => {
    expect(linkOnSite('docs/guide.md', 'findings.md#long-hold')).toBe('/docs/findings.md#long-hold')
    expect(linkOnSite('docs/guide.md', '../README.md')).toBe('/index.md')
    expect(linkOnSite('docs/guide.md', '../examples/vitest')).toBe('/examples/vitest/index.md')
    expect(linkOnSite('docs/guide.md', '../src/index.ts')).toBe(`${repositoryUrl}/blob/HEAD/src/index.ts`)
    expect(linkOnSite('index.md', 'docs/observability')).toBe(`${repositoryUrl}/tree/HEAD/docs/observability`)
    expect(linkOnSite('docs/guide.md', 'https://example.org/a.md')).toBe('https://example.org/a.md')
    expect(linkOnSite('docs/guide.md', 'nothing.md')).toBe('nothing.md')
  })

  it('are judged by page and anchor', () => {
    const site = mkdtempSync(join(tmpdir(), 'pg-lifeguard-site-'))
    mkdirSync(join(site, 'docs'))
    const good = '<a href="/docs/b.html#there"></a> <a href="docs/b.html"></a> <a href="/docs/"></a>'
    const bad = '<a href="/docs/b.html#gone"></a> <a href="c.html"></a> <a href="#gone"></a>'
    writeFileSync(join(site, 'index.html'), `${good} ${bad} <a href="https://example.org#gone"></a>`)
    writeFileSync(join(site, 'docs/b.html'), '<h2 id="there"></h2> <a href="../index.html"></a>')
    writeFileSync(join(site, 'docs/index.html'), '<a href="#"></a>')
    const dead = deadLinks(site, '/')
    rmSync(site, { recursive: true })
    expect(dead).toEqual([
      { page: 'index.html', href: '/docs/b.html#gone' },
      { page: 'index.html', href: 'c.html' },
      { page: 'index.html', href: '#gone' },
    ])
  })
})

function headingsOf(source: string): string[] {
  return [...htmlOf(source).matchAll(/<h\d id="([^"]+)"/g)].map(([, id = '']) => id)
}

function htmlOf(source: string): string {
  return readFileSync(join(output, pageOf(source).replace(/\.md$/, '.html')), 'utf8')
}
