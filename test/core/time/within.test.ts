import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { manualClock } from '../../../src/core/time/clock.ts'
import { within } from '../../../src/core/time/within.ts'

const never = new Promise<never>(() => {})

describe('work with a limit', () => {
  it('yields what the work yields', async () => {
    await expect(within(manualClock(), 10, Promise.resolve('done'))).resolves.toBe('done')
    await expect(within(manualClock(), 10, Promise.reject(new Error('broken')))).rejects.toThrow('broken')
  })

  it('is awaited until the limit has passed', async () => {
    const clock = manualClock()
    let finish = () => {}
    const work = within(clock, 2000, new Promise<void>((resolve) => (finish = resolve)))
    await nextTurn()
    clock.advance(1999)
    finish()
    await expect(work).resolves.toBeUndefined()
  })

  it('is rejected once the limit has passed', async () => {
    const clock = manualClock()
    const late = within(clock, 2000, never)
    await nextTurn()
    clock.advance(2000)
    await expect(late).rejects.toThrow('no answer within 2 s')
  })

  it('is rejected with the error that the caller wants', async () => {
    const clock = manualClock()
    const late = within(clock, 10, never, () => Object.assign(new Error('gone'), { code: 'ETIMEDOUT' }))
    await nextTurn()
    clock.advance(10)
    await expect(late).rejects.toMatchObject({ message: 'gone', code: 'ETIMEDOUT' })
  })

  it('does not count time that passes before the work had a turn of the event loop', async () => {
    const clock = manualClock()
    const work = within(clock, 10, nextTurn('done'))
    clock.advance(60_000)
    await expect(work).resolves.toBe('done')
  })

  it('leaves no timer behind', async () => {
    const pending = new Set<() => void>()
    const clock = {
      ...manualClock(),
      schedule(callback: () => void) {
        pending.add(callback)
        return () => pending.delete(callback)
      },
    }
    let finish = () => {}
    const work = within(clock, 10, new Promise<void>((resolve) => (finish = resolve)))
    await nextTurn()
    expect(pending.size).toBe(1)
    finish()
    await work
    await nextTurn()
    expect(pending.size).toBe(0)
  })
})
