import { describe, expect, it } from 'vitest'
import type { Checkout } from '../../src/core/checkout.ts'
import { orRejected } from '../../src/hosts/rejection.ts'
import { pretendedPool } from '../core/pretended-pool.ts'

/** A core whose waiting caller a remedy may reject. */
function rejectable() {
  let reject: ((error: Error) => void) | undefined
  const core = {
    makeRejectable(_waiter: Checkout, answer: (error: Error) => void) {
      reject = answer
    },
  }
  return { core, waiter: pretendedPool().wait(), reject: (error: Error) => reject?.(error) }
}

describe('a caller that a remedy may reject', () => {
  it('gets its client if the pool is first', async () => {
    const { core, waiter } = rejectable()
    await expect(orRejected(core, waiter, Promise.resolve('a client'), undefined)).resolves.toBe('a client')
  })

  it('gets the error if the remedy is first', async () => {
    const { core, waiter, reject } = rejectable()
    const answer = orRejected(core, waiter, new Promise(() => {}), undefined)
    reject(new Error('a deadlock'))
    await expect(answer).rejects.toThrow('a deadlock')
  })

  it('is taken out of the queue of a pool that can do that, whose answer stays the same', () => {
    const { core, waiter, reject } = rejectable()
    const connected = Promise.resolve()
    const cancelled: Error[] = []
    expect(orRejected(core, waiter, connected, (error) => cancelled.push(error))).toBe(connected)
    reject(new Error('a deadlock'))
    expect(cancelled).toMatchObject([{ message: 'a deadlock' }])
  })
})
