import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { rooms } from '../../.dependency-cruiser.mjs'
import { readPage, root } from './page.ts'

const { text, blocks, section } = readPage('CONTRIBUTING.md')
const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: object }

const picture = blocks.find(({ language }) => language === 'mermaid')?.code ?? ''
/** A line such as `http & otel --> lifeguard.ts` is one arrow from each to each. */
const arrows = picture.split('\n').flatMap((line) => {
  const [from = '', to] = line.trim().split(' --> ')
  if (to === undefined) return []
  return from.split(' & ').flatMap((one) => to.split(' & ').map((other) => [one, other] as const))
})

describe('CONTRIBUTING.md', () => {
  it('names only commands that exist', () => {
    const named = [...text.matchAll(/npm run ([\w:]+)/g)].map(([, name]) => name)
    expect(named.length).toBeGreaterThan(0)
    expect(named.filter((name) => !(name ?? '' in scripts))).toEqual([])
  })

  it('names only files and folders that exist', () => {
    const named = [...text.matchAll(/`((?:src|test|docs|examples|bench)\/[^`<>]*)`/g)].map(
      ([, path = '']) => path,
    )
    expect(named.length).toBeGreaterThan(20)
    expect(named.filter((path) => !existsSync(join(root, path)))).toEqual([])
  })

  it('is read in a few minutes', () => {
    const prose = text.replaceAll(/```[\s\S]*?```/g, '')
    expect(prose.split(/\s+/).filter((word) => /\w/.test(word)).length).toBeLessThanOrEqual(720)
  })

  it.each(['add-a-rule', 'add-a-reporter', 'add-a-command', 'add-a-host'])(
    'explains %s in four steps',
    (anchor) => {
      expect(section(anchor).match(/^\d\. /gm)).toHaveLength(4)
    },
  )
})

describe('the picture of the rooms', () => {
  it('shows each of them', () => {
    const shown = new Set(arrows.flat())
    const entries = readdirSync(join(root, 'src')).filter((name) => name !== 'errors.ts')
    expect([...shown].toSorted()).toEqual(entries.toSorted())
  })

  it('shows only imports that are allowed', () => {
    expect(arrows.filter(([from, to]) => !allowed(from).includes(to))).toEqual([])
  })

  it('leaves out only what follows from its arrows', () => {
    for (const room of Object.keys(rooms)) {
      const reached = reachable(room)
      expect([room, allowed(room).filter((other) => !reached.has(other))]).toEqual([room, []])
    }
  })
})

function allowed(room: string): string[] {
  const { imports = [], typesOnly = [] } = rooms[room] ?? {}
  // A single file of a room stands for the room.
  return [...imports, ...typesOnly].map((other) => other.split('/')[0] ?? other)
}

function reachable(room: string, reached = new Set<string>()): Set<string> {
  for (const [from, to] of arrows) {
    if (from !== room || reached.has(to)) continue
    reached.add(to)
    reachable(to, reached)
  }
  return reached
}
