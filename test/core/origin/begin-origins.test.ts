import { describe, expect, it } from 'vitest'
import { BeginOrigins } from '../../../src/core/origin/begin-origins.ts'
import { countedStack } from './counted-stack.ts'

/** A stack of the user's function `name`, at a line of it. */
const at = (name: string, line: number, file = '/app/orders.ts') => ({
  stack: `Error\n    at ${name === '' ? `${file}:${line}:5` : `${name} (${file}:${line}:5)`}`,
})

/** Enough pairs to rely on, from one function. */
function learnt(): BeginOrigins {
  const lines = new BeginOrigins()
  for (let pair = 0; pair < 50; pair += 1) lines.see(at('place', 2), at('place', 1))
  return lines
}

describe('the lines of BEGIN by the line of the checkout', () => {
  it('are fixed where one function checks out and begins, once enough of them were read', () => {
    const lines = new BeginOrigins()
    lines.see(at('place', 2), at('place', 1))
    expect(lines.areFixed).toBe(false)
    expect(learnt().areFixed).toBe(true)
  })

  it('are those of other transactions, and marked so', () => {
    const frame = { file: '/app/orders.ts', line: 2, column: 5, functionName: 'place' }
    expect(learnt().usualOf(at('place', 1))).toEqual({ ...frame, frames: [frame], isUsual: true })
    expect(learnt().usualOf(at('place', 9))).toBeUndefined()
    expect(learnt().usualOf(undefined)).toBeUndefined()
  })

  it('are not fixed where another function begins', () => {
    for (const opener of [at('begin', 2), at('', 2), at('place', 2, '/app/begin.ts'), { stack: 'Error' }]) {
      const lines = learnt()
      lines.sweep()
      lines.see(opener, at('place', 1))
      expect([lines.areFixed, lines.usualOf(at('place', 1))]).toEqual([false, undefined])
    }
  })

  it('are not fixed where one function begins at two lines', () => {
    const lines = learnt()
    lines.sweep()
    lines.see(at('place', 3), at('place', 1))
    expect(lines.areFixed).toBe(false)
  })

  it('are fixed where a library sends BEGIN, and its stacks never reach the user', () => {
    const ofLibrary = { stack: 'Error\n    at begin (/app/node_modules/orm/x.js:1:1)' }
    const lines = new BeginOrigins()
    for (let pair = 0; pair < 50; pair += 1) lines.see(ofLibrary, at('place', 1))
    expect([lines.areFixed, lines.usualOf(at('place', 1))]).toEqual([true, undefined])

    lines.sweep()
    lines.see(at('place', 2), at('place', 1))
    expect(lines.areFixed).toBe(false)
  })

  it('are fixed where some lines have their own BEGIN, and others that of a library', () => {
    const lines = learnt()
    lines.sweep()
    lines.see({ stack: 'Error\n    at begin (/app/node_modules/orm/x.js:1:1)' }, at('report', 9))
    expect([lines.areFixed, lines.usualOf(at('report', 9))]).toEqual([true, undefined])
    expect(lines.usualOf(at('place', 1))?.line).toBe(2)
  })

  it('stay as they are where the line of the checkout is not known', () => {
    const lines = learnt()
    lines.sweep()
    lines.see(at('begin', 2), undefined)
    lines.see(at('begin', 2), { stack: 'Error\n    at run (/app/node_modules/orm/x.js:1:1)' })
    expect(lines.areFixed).toBe(true)
  })

  it('are read at the first transactions, and at a few between two sweeps', () => {
    const lines = learnt()
    const opener = countedStack(at('place', 2))
    for (let pair = 0; pair < 20; pair += 1) lines.see(opener, at('place', 1))
    expect(opener.reads).toBe(0)
    lines.sweep()
    for (let pair = 0; pair < 20; pair += 1) lines.see(opener, at('place', 1))
    expect(opener.reads).toBe(2)
  })

  it('are read no more often where the line of the checkout is not known', () => {
    const lines = new BeginOrigins()
    const caller = countedStack({ stack: 'Error\n    at run (/app/node_modules/orm/x.js:1:1)' })
    for (let pair = 0; pair < 500; pair += 1) lines.see(at('place', 2), caller)
    lines.sweep()
    for (let pair = 0; pair < 500; pair += 1) lines.see(at('place', 2), caller)
    expect(caller.reads).toBe(52)
    expect(lines.areFixed).toBe(false)
  })

  it('are read less and less often as long as they are known', () => {
    const lines = learnt()
    const opener = countedStack(at('place', 2))
    for (let sweep = 0; sweep < 1000; sweep += 1) {
      lines.sweep()
      lines.see(opener, at('place', 1))
    }
    expect(opener.reads).toBeGreaterThan(50)
    expect(opener.reads).toBeLessThan(100)
  })

  it("are kept for a bounded number of checkouts' lines", () => {
    const lines = learnt()
    for (let line = 10; line < 3010; line += 1) {
      lines.sweep()
      lines.see(at('place', line + 5000), at('place', line))
    }
    const kept = Array.from({ length: 3000 }, (_, index) => lines.usualOf(at('place', index + 10)))
    expect(kept.filter((origin) => origin !== undefined).length).toBeLessThanOrEqual(500)
    expect(kept.at(-1)?.line).toBe(8009)
  })
})
