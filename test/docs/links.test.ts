import { existsSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { describe, expect, it } from 'vitest'
import { findingKinds } from '../../src/index.ts'
import { errorClasses } from './errors.ts'
import { examplePaths, pagePaths, readPage, root } from './page.ts'

describe.each([...pagePaths, ...examplePaths])('%s', (path) => {
  const page = readPage(path)

  it('leads nowhere in vain', () => {
    const broken = page.links.filter(
      ({ target }) => !/^https?:/.test(target) && !leadsSomewhere(path, target),
    )
    expect(broken).toEqual([])
  })

  it('has anchors that differ', () => {
    const anchors = page.headings.map(({ anchor }) => anchor)
    expect(anchors).toEqual([...new Set(anchors)])
  })

  it('has one title, and no heading that skips a level', () => {
    const depths = page.headings.map(({ depth }) => depth)
    expect(depths.filter((depth) => depth === 1)).toHaveLength(1)
    expect(depths.filter((depth, index) => depth > (depths[index - 1] ?? 0) + 1)).toEqual([])
  })
})

describe('llms.txt', () => {
  it('leads nowhere in vain, and to each page of docs/ but those about the inside', () => {
    const targets = readPage('llms.txt').links.map(({ target }) => target)
    expect(targets.filter((target) => !leadsSomewhere('llms.txt', target))).toEqual([])
    const inside = ['benchmarks', 'glossary', 'map', 'size', 'soak'].map((name) => `docs/${name}.md`)
    const docs = pagePaths.filter((path) => path.startsWith('docs/') && !inside.includes(path))
    expect(docs.filter((path) => !targets.includes(path))).toEqual([])
  })
})

describe('what code says about pages', () => {
  it.each(errorClasses.map(({ name, docs }) => ({ name, docs })))(
    'leads somewhere: $name.docs',
    ({ docs }) => {
      expect(leadsSomewhere('README.md', docs)).toBe(true)
    },
  )

  it.each(findingKinds)('leads somewhere: finding.docs of %s', (kind) => {
    expect(leadsSomewhere('README.md', `docs/findings.md#${kind}`)).toBe(true)
  })
})

it('finds a link that is broken', () => {
  expect(leadsSomewhere('docs/findings.md', 'how-it-works.md#remedies')).toBe(true)
  expect(leadsSomewhere('docs/findings.md', 'how-it-works.md#no-such-heading')).toBe(false)
  expect(leadsSomewhere('docs/findings.md', 'README.md')).toBe(false)
  expect(readPage('docs/testing.md').links.map(({ target }) => target)).toContain(
    'server.md#lines-of-code-from-a-running-application',
  )
  expect(readPage('README.md').links.map(({ target }) => target)).toContain('docs/pictures/report-light.svg')
})

function leadsSomewhere(from: string, target: string): boolean {
  const [path = '', anchor] = target.split('#')
  const file = path === '' ? join(root, from) : join(root, dirname(from), path)
  if (!existsSync(file)) return false
  return (
    anchor === undefined ||
    readPage(relative(root, file)).headings.some((heading) => heading.anchor === anchor)
  )
}
