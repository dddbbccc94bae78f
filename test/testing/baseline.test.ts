import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openBaseline } from '../../src/testing/baseline.ts'
import { LeakCheckError } from '../../src/testing/verify.ts'

describe('a baseline', () => {
  it.each([
    ['no JSON', /is invalid: /],
    ['[]', /it has no list "leaks"/],
    ['{ "leaks": [{ "test": "a", "kind": "b" }] }', /a leak has no string "origin"/],
  ])('is refused where it is broken: %s', (text, message) => {
    const folder = mkdtempSync(join(tmpdir(), 'lifeguard-baseline-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const file = join(folder, 'broken.json')
    writeFileSync(file, text)
    const open = () => openBaseline(file, {})
    expect(open).toThrow(LeakCheckError)
    expect(open).toThrow(message)
  })

  it('is refused with a variable that means nothing', () => {
    expect(() => openBaseline('leaks.json', { LIFEGUARD_BASELINE: 'yes' })).toThrow(
      /must be 'write' or not be set/,
    )
  })
})
