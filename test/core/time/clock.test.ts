import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { manualClock, systemClock } from '../../../src/core/time/clock.ts'

describe('manualClock', () => {
  it('stands still until it is told to move', () => {
    const clock = manualClock(1000)
    expect([clock.now(), clock.now()]).toEqual([1000, 1000])
    clock.advance(500)
    expect(clock.now()).toBe(1500)
  })

  it('dates in step with its time', () => {
    const clock = manualClock()
    const before = clock.epochMillis()
    clock.advance(86_400_000)
    expect(clock.epochMillis() - before).toBe(86_400_000)
    expect(new Date(before).toISOString()).toBe('2026-01-01T00:00:00.000Z')
  })

  it('runs each timer at its own time, in the order in which they fall due', () => {
    const clock = manualClock()
    const calls: [string, number][] = []
    for (const [name, millis] of [
      ['late', 30],
      ['first', 10],
      ['second of two at once', 20],
      ['third of two at once', 20],
      ['beyond', 101],
    ] as const) {
      clock.schedule(() => calls.push([name, clock.now()]), millis)
    }
    clock.advance(100)
    expect(calls).toEqual([
      ['first', 10],
      ['second of two at once', 20],
      ['third of two at once', 20],
      ['late', 30],
    ])
    expect(clock.now()).toBe(100)
    clock.advance(1)
    expect(calls.at(-1)).toEqual(['beyond', 101])
  })

  it('runs a timer once', () => {
    const clock = manualClock()
    const callback = vi.fn()
    clock.schedule(callback, 10)
    clock.advance(100)
    clock.advance(100)
    expect(callback).toHaveBeenCalledTimes(1)
  })

  it('runs timers that are made by timers on the way', () => {
    const clock = manualClock()
    const ticks: number[] = []
    const tick = () => {
      ticks.push(clock.now())
      clock.schedule(tick, 25)
    }
    tick()
    clock.advance(100)
    expect(ticks).toEqual([0, 25, 50, 75, 100])
  })

  it('does not run what was cancelled, by another timer either', () => {
    const clock = manualClock()
    const callback = vi.fn()
    clock.schedule(callback, 10)()
    const cancel = clock.schedule(callback, 20)
    clock.schedule(cancel, 15)
    clock.advance(100)
    expect(callback).not.toHaveBeenCalled()
    cancel()
  })

  it('stalls without running timers, which are late then and do not run back in time', () => {
    const clock = manualClock()
    const calls: number[] = []
    clock.schedule(() => calls.push(clock.now()), 10)
    clock.stall(1000)
    expect(calls).toEqual([])
    expect(clock.now()).toBe(1000)
    clock.advance(0)
    expect(calls).toEqual([1000])
  })

  it('does not go back when a timer stalls beyond the end of the way', () => {
    const clock = manualClock()
    clock.schedule(() => clock.stall(1000), 10)
    clock.advance(100)
    expect(clock.now()).toBe(1010)
  })

  it('keeps its other timers when one throws', () => {
    const clock = manualClock()
    const callback = vi.fn()
    clock.schedule(() => {
      throw new Error('broken timer')
    }, 10)
    clock.schedule(callback, 20)
    expect(() => clock.advance(100)).toThrow('broken timer')
    clock.advance(100)
    expect(callback).toHaveBeenCalledTimes(1)
  })
})

describe('systemClock', () => {
  afterEach(() => {
    vi.useRealTimers()
  })

  it('goes by monotonic time and dates by the clock of the wall', () => {
    expect(Math.abs(systemClock.now() - performance.now())).toBeLessThan(1000)
    expect(Math.abs(systemClock.epochMillis() - Date.now())).toBeLessThan(1000)
  })

  it('calls back once the time has passed', async () => {
    const start = systemClock.now()
    // The schedule is unref'd; a test that awaits nothing else would end the worker.
    const alive = setInterval(() => {}, 1000)
    await new Promise<void>((resolve) => systemClock.schedule(resolve, 20))
    clearInterval(alive)
    expect(systemClock.now() - start).toBeGreaterThanOrEqual(19)
  })

  it('does not call back when cancelled', async () => {
    const callback = vi.fn()
    systemClock.schedule(callback, 5)()
    await new Promise<void>((resolve) => setTimeout(resolve, 30))
    expect(callback).not.toHaveBeenCalled()
  })

  it('is not held up by fake timers that a test installs after it was loaded', async () => {
    const { setTimeout: realTimeout } = globalThis
    vi.useFakeTimers()
    vi.setSystemTime(0)
    expect(systemClock.epochMillis()).toBeGreaterThan(Date.UTC(2025, 0, 1))
    const before = systemClock.now()
    const called = new Promise<string>((resolve) => systemClock.schedule(() => resolve('called'), 5))
    const late = new Promise<string>((resolve) => realTimeout(() => resolve('never called'), 30_000))
    expect(await Promise.race([called, late])).toBe('called')
    expect(systemClock.now()).toBeGreaterThan(before)
  })

  it('does not keep a process alive', async () => {
    const clock = new URL('../../../src/core/time/clock.ts', import.meta.url).href
    const script = `
      import { systemClock } from ${JSON.stringify(clock)}
      systemClock.schedule(() => console.log('called'), 600_000)
      systemClock.schedule(() => console.log('called'), 600_000)()
      console.log('scheduled')`
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
      timeout: 60_000,
    })
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
    const [code, signal] = await once(child, 'close')
    expect({ code, signal, output }).toEqual({ code: 0, signal: null, output: 'scheduled\n' })
  })
})
