import { existsSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { describe, expect, it } from 'vitest'
import { pagePaths, readPage, root } from './page.ts'

describe.each(pagePaths)('%s', (path) => {
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

it('finds a link that is broken', () => {
  expect(leadsSomewhere('docs/findings.md', 'how-it-works.md#remedies')).toBe(true)
  expect(leadsSomewhere('docs/findings.md', 'how-it-works.md#no-such-heading')).toBe(false)
  expect(leadsSomewhere('docs/findings.md', 'README.md')).toBe(false)
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
