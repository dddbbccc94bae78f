import { describe, expect, it } from 'vitest'
import { callersOf, learnCallers } from '../../../src/core/origin/caller-samples.ts'
import type { Frame } from '../../../src/core/origin/origin.ts'

const frame = (file: string, line = 1): Frame => ({ file, line, column: 1 })
/** A stack from its innermost frame outwards. */
const chain = (...files: string[]) => files.map((file) => frame(file))

describe('the callers of a line', () => {
  it('are those of the deep stack that begins with it', () => {
    expect(learnCallers(chain('/a/one.ts', '/a/route.ts'))).toBe(true)
    expect(learnCallers(chain('/a/one.ts', '/a/route.ts'))).toBe(false)
    expect(callersOf(chain('/a/one.ts'))).toEqual({ frames: chain('/a/one.ts', '/a/route.ts'), vary: false })
  })

  it('are unknown for another line of the same file', () => {
    learnCallers(chain('/b/one.ts', '/b/route.ts'))
    expect(callersOf([frame('/b/one.ts', 2)])).toBeUndefined()
    expect(callersOf([])).toBeUndefined()
  })

  it('vary where deep stacks differ: the last seen is shown', () => {
    learnCallers(chain('/c/helper.ts', '/c/users.ts'))
    learnCallers(chain('/c/helper.ts', '/c/orders.ts'))
    expect(callersOf(chain('/c/helper.ts'))).toEqual({
      frames: chain('/c/helper.ts', '/c/orders.ts'),
      vary: true,
    })
    learnCallers(chain('/c/helper.ts', '/c/users.ts'))
    expect(callersOf(chain('/c/helper.ts'))?.frames).toEqual(chain('/c/helper.ts', '/c/users.ts'))
  })

  it('are told apart by all frames of the short stack', () => {
    learnCallers(chain('/d/helper.ts', '/d/users.ts', '/d/router.ts'))
    learnCallers(chain('/d/helper.ts', '/d/orders.ts', '/d/router.ts'))
    expect(callersOf(chain('/d/helper.ts', '/d/users.ts'))).toEqual({
      frames: chain('/d/helper.ts', '/d/users.ts', '/d/router.ts'),
      vary: false,
    })
  })

  it('vary for good where there are more ways than are kept', () => {
    for (let way = 0; way < 20; way += 1) learnCallers(chain('/e/helper.ts', `/e/${way}.ts`))
    const known = callersOf(chain('/e/helper.ts'))
    expect(known?.vary).toBe(true)
    expect(known?.frames[1]?.file).toBe('/e/19.ts')
  })

  it('are kept for a bounded number of lines', () => {
    for (let line = 1; line <= 2000; line += 1)
      learnCallers([frame('/f/made.ts', line), frame('/f/route.ts')])
    const kept = Array.from({ length: 2000 }, (_, index) => callersOf([frame('/f/made.ts', index + 1)]))
    expect(kept.filter((callers) => callers !== undefined).length).toBeLessThanOrEqual(200)
    expect(kept.at(-1)).toBeDefined()
  })
})
