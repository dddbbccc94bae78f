import { AsyncLocalStorage } from 'node:async_hooks'
import { describe, expect, it } from 'vitest'
import { startSweep, sweepPeriod } from '../../src/guard/sweep.ts'
import { resolveOptions } from '../../src/options.ts'
import { pretendedPool } from '../core/pretended-pool.ts'

const off = {
  idleTransactionMillis: false,
  transactionMillis: false,
  holdMillis: false,
  acquireWaitMillis: false,
  scopeGraceMillis: false,
} as const

describe('the period', () => {
  it.each([
    ['a tenth of the grace of a scope, by default', { ...resolveOptions().limits }, 100],
    ['a tenth of the smallest limit', { ...off, holdMillis: 500 }, 50],
    ['never less than ten milliseconds', { ...off, holdMillis: 1 }, 10],
    ['a fifth of a second without any limit', off, 200],
  ])('is %s', (_what, limits, period) => {
    expect(sweepPeriod(limits)).toBe(period)
  })
})

describe('the sweep', () => {
  it('looks once a period, from the first caller on', () => {
    const { clock, ledger, checkOut } = pretendedPool()
    let looks = 0
    const sweep = startSweep(ledger, 200, () => looks++)
    clock.advance(1000)
    expect(looks).toBe(0)
    sweep.wake()
    checkOut()
    sweep.wake()
    clock.advance(1000)
    expect(looks).toBe(5)
  })

  it('rests once nothing has been out for five seconds, and wakes with the next caller', () => {
    const { clock, ledger, checkOut } = pretendedPool()
    let looks = 0
    const sweep = startSweep(ledger, 200, () => looks++)
    sweep.wake()
    const checkout = checkOut()
    clock.advance(400)
    ledger.closed(checkout, false)
    clock.advance(60_000)
    expect(looks).toBe(2 + 25)
    sweep.wake()
    clock.advance(200)
    expect(looks).toBe(28)
  })

  it('does not rest while a caller waits', () => {
    const { clock, ledger, wait } = pretendedPool()
    let looks = 0
    const sweep = startSweep(ledger, 200, () => looks++)
    sweep.wake()
    wait()
    clock.advance(60_000)
    expect(looks).toBe(300)
  })

  it('stops for good', () => {
    const { clock, ledger, wait } = pretendedPool()
    let looks = 0
    const sweep = startSweep(ledger, 200, () => looks++)
    sweep.wake()
    wait()
    sweep.stop()
    clock.advance(60_000)
    expect(looks).toBe(0)
  })

  it('does not run in the context of the caller that woke it', () => {
    const { clock, ledger, wait } = pretendedPool()
    const storage = new AsyncLocalStorage<string>()
    const seen: unknown[] = []
    // A timer of Node.js keeps the context that it was set in, which a manual clock would not.
    const timers: (() => void)[] = []
    Object.assign(ledger.clock, {
      schedule(callback: () => void) {
        timers.push(AsyncLocalStorage.bind(callback))
        return () => {}
      },
    })
    const sweep = startSweep(ledger, 200, () => seen.push(storage.getStore()))
    storage.run('a request', () => sweep.wake())
    wait()
    clock.advance(200)
    for (const timer of timers.splice(0)) timer()
    expect(seen).toEqual([undefined])
  })
})
