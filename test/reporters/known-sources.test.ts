import { describe, expect, it } from 'vitest'
import type { Frame } from '../../src/index.ts'
import { KnownSources } from '../../src/reporters/known-sources.ts'
import { sampleFinding } from './sample-findings.ts'

const frame = (line: number): Frame => ({ file: `/app/${line}.ts`, line, column: 1 })

function found(name: string, ...lines: number[]) {
  const frames = [1, 2, 3, ...lines].map(frame)
  return sampleFinding({
    fingerprint: 'one mistake',
    scope: { kind: 'request', name },
    origin: { ...frame(1), frames },
  })
}

describe('the sources of a mistake', () => {
  it('are new once: route and caller', () => {
    const sources = new KnownSources()
    expect(sources.note(found('GET /a', 4))).toBe('in request GET /a, called from /app/4.ts:4:1')
    expect(sources.note(found('GET /a', 4))).toBeUndefined()
    expect(sources.note(found('GET /b', 4))).toBe('in request GET /b, called from /app/4.ts:4:1')
    expect(sources.note(found('GET /a', 5))).toBe('in request GET /a, called from /app/5.ts:5:1')
    expect(sources.note(found('GET /c'))).toBe('in request GET /c')
  })

  it('are no longer named when there are many', () => {
    const sources = new KnownSources()
    const named = Array.from({ length: 100 }, (_, n) => sources.note(found(`GET /users/${n}`)))
    expect(named.filter((source) => source !== undefined)).toHaveLength(5)
  })

  it('are remembered of the last hundred mistakes', () => {
    const sources = new KnownSources()
    const note = (mistake: number) =>
      sources.note({ ...found('GET /a'), fingerprint: `mistake ${mistake}` }) !== undefined
    for (let mistake = 0; mistake < 101; mistake += 1) expect(note(mistake)).toBe(true)
    expect(note(1)).toBe(false)
    expect(note(0)).toBe(true)
  })

  it('are none of a finding whose scope and callers are not known', () => {
    const { scope: _scope, ...finding } = found('GET /a')
    expect(new KnownSources().note(finding)).toBeUndefined()
  })
})
