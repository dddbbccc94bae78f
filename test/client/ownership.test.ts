import { describe, expect, it } from 'vitest'
import { Ownership } from '../../src/client/ownership.ts'
import { pretendedPool } from '../core/pretended-pool.ts'

describe('the stack of a checkout that is over', () => {
  it('is kept for a release that comes right after, and dropped once a whole sweep has passed', () => {
    const { checkOut } = pretendedPool()
    const ownership = new Ownership(0)
    const checkout = checkOut('orders.ts:1:1')
    ownership.released = checkout
    ownership.forgetReleased()
    expect(checkout.stack).toBeDefined()
    ownership.forgetReleased()
    expect(checkout.stack).toBeUndefined()
  })
})

describe('statements that were running when the guard came', () => {
  it('are those of nobody, so that their answers are not taken for those of the first owner', () => {
    const { checkOut } = pretendedPool()
    const { unclean } = new Ownership(2)
    const owner = checkOut()
    expect(unclean.senderOf(owner)).toBeUndefined()
    unclean.answered('I', false)
    unclean.answered('I', false)
    expect(unclean.senderOf(owner)).toBe(owner)
    expect(unclean.isEmpty).toBe(true)
  })
})
