import { setImmediate as turn } from 'node:timers/promises'
import { expect, it } from 'vitest'
import type { ScopeContext } from '../../src/index.ts'

/** What every context must do. */
export function contextContract(make: () => ScopeContext): void {
  it('carries a value along everything that the work starts, and no further', async () => {
    const context = make()
    const seen = await context.run('outer', async () => {
      await turn()
      const inner = await context.run('inner', async () => {
        await turn()
        return context.current()
      })
      return [inner, context.current()]
    })
    expect(seen).toEqual(['inner', 'outer'])
    expect(context.current()).toBeUndefined()
  })

  it('returns what the work returns, and throws what it throws', () => {
    const context = make()
    const result = {}
    expect(context.run('scope', () => result)).toBe(result)
    const error = new Error('no')
    expect(() =>
      context.run('scope', () => {
        throw error
      }),
    ).toThrow(error)
    expect(context.current()).toBeUndefined()
  })
}
