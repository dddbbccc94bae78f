import { describe, expect, it } from 'vitest'
import { Inheritance } from '../../src/client/inheritance.ts'
import { pretendedPool } from '../core/pretended-pool.ts'

const answer = { commands: ['SELECT'], refused: false, claimed: false }

describe('what heirs suffer', () => {
  it('is nothing without an heir', () => {
    expect(new Inheritance().describe('lost')).toBeUndefined()
  })

  it('counts each of them once, and each statement of pool.query', () => {
    const { checkOut } = pretendedPool()
    const inheritance = new Inheritance()
    const first = checkOut()
    for (const heir of [first, first, checkOut(), undefined, undefined]) inheritance.note({ ...answer, heir })
    expect(inheritance.describe('none')).toBe('4 later checkouts ran inside this transaction')
  })

  it('loses what was written, but by the last one only if it has not begun a transaction of its own', () => {
    const { checkOut } = pretendedPool()
    const inheritance = new Inheritance()
    inheritance.note({ ...answer, heir: checkOut(), commands: ['INSERT'] })
    const last = checkOut()
    inheritance.note({ ...answer, heir: last, commands: ['UPDATE', 'SELECT'] })
    expect(inheritance.describe('lost')).toMatch(/; one INSERT, one UPDATE of theirs were lost$/)
    inheritance.note({ ...answer, heir: last, claimed: true })
    expect(inheritance.describe('lost')).toMatch(/; one INSERT of theirs was lost$/)
    expect(inheritance.describe('committed')).not.toMatch(/lost/)
  })
})
