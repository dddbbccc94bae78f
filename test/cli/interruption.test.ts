import { describe, expect, it, onTestFinished } from 'vitest'
import { interruption } from '../../src/cli/interruption.ts'

// Nothing else in a test process listens to this one, and nothing sends it.
const name = 'SIGUSR2'

describe('an interruption', () => {
  it('fires at the first signal, and leaves the second to Node', () => {
    const before = process.listenerCount(name)
    const { signal, stop } = interruption([name])
    onTestFinished(stop)
    expect(process.listenerCount(name)).toBe(before + 1)
    expect(signal.aborted).toBe(false)
    process.emit(name, name)
    expect(signal.reason).toBe(name)
    expect(process.listenerCount(name)).toBe(before)
  })

  it('listens no more once it is stopped', () => {
    const before = process.listenerCount(name)
    const { signal, stop } = interruption([name])
    stop()
    expect(process.listenerCount(name)).toBe(before)
    expect(signal.aborted).toBe(false)
  })
})
