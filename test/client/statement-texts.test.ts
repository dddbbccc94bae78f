import { describe, expect, it } from 'vitest'
import { StatementTexts } from '../../src/client/statement-texts.ts'
import { heapBytes } from '../support/garbage.ts'

function remembering() {
  const texts = new StatementTexts()
  return { traitsOf: (text: string) => texts.traitsOf(text) }
}

describe('the traits of a statement', () => {
  it.each([
    ['SELECT 1', false, false],
    ['BEGIN', true, false],
    ['SET search_path = tenant', false, true],
    ['BEGIN; SET search_path = tenant', true, true],
    ['BEGIN; SAVEPOINT a', true, true],
    ['UPDATE users SET name = $1', false, false],
  ])('of %s are the same each time', (text, opens, mayLeave) => {
    const texts = new StatementTexts()
    for (const isNew of [true, false, false]) expect(texts.traitsOf(text)).toEqual({ opens, mayLeave, isNew })
  })

  it('do not depend on the statements before it', () => {
    const texts = ['BEGIN', 'SELECT 1', 'LISTEN orders', 'SELECT 1', 'BEGIN', 'COMMIT']
    const known = new StatementTexts()
    expect(texts.map((text) => known.traitsOf(text).opens)).toEqual([true, false, false, false, true, false])
  })

  it('are right for more texts than are remembered', () => {
    const { traitsOf } = remembering()
    for (let number = 0; number < 3000; number += 1) {
      expect(traitsOf(`SELECT ${number}`).opens).toBe(false)
      expect(traitsOf(`BEGIN; SELECT ${number}`).opens).toBe(true)
    }
    expect(traitsOf('SELECT 0').opens).toBe(false)
  })

  it('take memory for a bounded number of texts', () => {
    const { traitsOf } = remembering()
    const use = (from: number) => {
      for (let number = from; number < from + 20_000; number += 1) {
        traitsOf(`SELECT ${number} /* ${'x'.repeat(800)} */`)
        traitsOf(`SELECT ${number} /* ${'x'.repeat(4000)} */`)
      }
    }
    use(0)
    const before = heapBytes()
    use(20_000)
    expect(heapBytes() - before).toBeLessThan(3_000_000)
  })
})
