import { describe, expect, it } from 'vitest'
import { Strangers } from '../../src/hosts/strangers.ts'

const gauge = (total: number, waiting: number) => ({ total, idle: 0, waiting, max: 10 })

describe('callers that waited before the guard was on', () => {
  it('are served first, in the order of the queue', () => {
    const strangers = new Strangers(() => gauge(1, 2))
    strangers.ask(() => 'queued')
    expect([strangers.isServed(false), strangers.isServed(true), strangers.isServed(false)]).toEqual([
      true,
      true,
      false,
    ])
  })

  it('are overtaken by a caller for whom the pool opens a connection at once', () => {
    let total = 1
    const strangers = new Strangers(() => gauge(total, 1))
    strangers.ask(() => {
      total += 1
    })
    expect(strangers.isServed(true)).toBe(false)
    expect(strangers.isServed(false)).toBe(true)
  })
})
