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

/** Looks that find nothing. */
function counted() {
  let looks = 0
  return {
    looks: () => looks,
    look() {
      looks += 1
      return []
    },
  }
}

describe('the sweep', () => {
  it('looks once a period, from the first caller on', () => {
    const { clock, ledger, checkOut } = pretendedPool()
    const { look, looks } = counted()
    const sweep = startSweep(ledger, 200, look)
    clock.advance(1000)
    expect(looks()).toBe(0)
    sweep.wake()
    checkOut()
    sweep.wake()
    clock.advance(1000)
    expect(looks()).toBe(5)
  })

  it('rests once nothing has been out for five seconds, and wakes with the next caller', () => {
    const { clock, ledger, checkOut } = pretendedPool()
    const { look, looks } = counted()
    const sweep = startSweep(ledger, 200, look)
    sweep.wake()
    const checkout = checkOut()
    clock.advance(400)
    ledger.closed(checkout, false)
    clock.advance(60_000)
    expect(looks()).toBe(2 + 25)
    sweep.wake()
    clock.advance(200)
    expect(looks()).toBe(28)
  })

  it('does not rest while a caller waits', () => {
    const { clock, ledger, wait } = pretendedPool()
    const { look, looks } = counted()
    const sweep = startSweep(ledger, 200, look)
    sweep.wake()
    wait()
    clock.advance(60_000)
    expect(looks()).toBe(300)
  })

  it('stops for good', () => {
    const { clock, ledger, wait } = pretendedPool()
    const { look, looks } = counted()
    const sweep = startSweep(ledger, 200, look)
    sweep.wake()
    wait()
    sweep.stop()
    clock.advance(60_000)
    expect(looks()).toBe(0)
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
    const sweep = startSweep(ledger, 200, () => {
      seen.push(storage.getStore())
      return []
    })
    storage.run('a request', () => sweep.wake())
    wait()
    clock.advance(200)
    for (const timer of timers.splice(0)) timer()
    expect(seen).toEqual([undefined])
  })
})

describe('a sweep with much to report', () => {
  /** One that reports ten findings, each of which takes some time. */
  function busySweep(millisEach: number) {
    const pretended = pretendedPool()
    const timers: (() => void)[] = []
    Object.assign(pretended.ledger.clock, {
      schedule(callback: () => void) {
        timers.push(callback)
        return () => timers.splice(timers.indexOf(callback), 1)
      },
    })
    let elapsed = 0
    let reported = 0
    const sweep = startSweep(
      pretended.ledger,
      200,
      function* () {
        for (let left = 10; left > 0; left -= 1) {
          elapsed += millisEach
          reported += 1
          yield
        }
      },
      () => elapsed,
    )
    pretended.wait()
    sweep.wake()
    return { sweep, timers, reported: () => reported, runNext: () => timers.shift()?.() }
  }

  it('lets other work run every ten milliseconds', () => {
    const { runNext, reported } = busySweep(4)
    runNext()
    expect(reported()).toBe(3)
    runNext()
    expect(reported()).toBe(6)
    runNext()
    runNext()
    expect(reported()).toBe(10)
  })

  it('goes on with the next one when everything is reported', () => {
    const { runNext, reported, timers } = busySweep(6)
    for (let turn = 0; turn < 6; turn += 1) runNext()
    expect(reported()).toBe(10)
    expect(timers).toHaveLength(1)
    runNext()
    expect(reported()).toBe(12)
  })

  it('is not interrupted if reports are fast', () => {
    const { runNext, reported } = busySweep(0.5)
    runNext()
    expect(reported()).toBe(10)
  })

  it('ends where it is when the lifeguard is closed between two turns', () => {
    const { sweep, runNext, reported, timers } = busySweep(6)
    runNext()
    sweep.stop()
    expect(timers).toEqual([])
    expect(reported()).toBe(2)
  })

  it('is not started again by a caller that comes between two turns', () => {
    const { sweep, runNext, timers } = busySweep(6)
    runNext()
    sweep.wake()
    expect(timers).toHaveLength(1)
  })

  it('ends at once when a listener closes the lifeguard', () => {
    const { clock, ledger, wait } = pretendedPool()
    let reported = 0
    const sweep = startSweep(
      ledger,
      200,
      function* () {
        for (;;) {
          reported += 1
          if (reported === 2) sweep.stop()
          yield
        }
      },
      () => 0,
    )
    wait()
    sweep.wake()
    clock.advance(60_000)
    expect(reported).toBe(2)
  })
})
