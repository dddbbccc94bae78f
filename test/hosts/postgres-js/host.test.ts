import { describe, expect, it, onTestFinished } from 'vitest'
import { manualClock } from '../../../src/core/time/clock.ts'
import { postgresJsHost } from '../../../src/hosts/postgres-js/host.ts'
import { createLifeguard, WatchError } from '../../../src/index.ts'
import { ToyDriver } from './toy-driver.ts'

describe('the host of postgres.js', () => {
  it('says nothing of open and idle connections, which it does not know', () => {
    const { sql } = new ToyDriver(3)
    const host = postgresJsHost(sql)
    expect(host.gauge()).toEqual({ total: undefined, idle: undefined, waiting: 0, max: undefined })
    const lifeguard = createLifeguard({ reporters: [] })
    onTestFinished(() => lifeguard.close())
    lifeguard.watch(sql, { name: 'toy' })
    expect(lifeguard.snapshot().pools).toEqual([{ name: 'toy', max: 3, out: 0, waiting: 0, ending: false }])
  })

  it('is taken off without a trace', async () => {
    const { sql } = new ToyDriver()
    const before = Object.getOwnPropertyDescriptors(sql) as Record<string, PropertyDescriptor>
    const lifeguard = createLifeguard({ reporters: [], tag: { application: 'orders' } })
    const unwatch = lifeguard.watch(sql)
    expect(Object.keys(sql)).toEqual(Object.keys(before).filter((name) => before[name]?.enumerable))
    expect(sql.options.connection.application_name).toMatch(/^orders/)
    await sql.begin(async () => {})
    unwatch()
    expect(Object.getOwnPropertyDescriptors(sql)).toEqual(before)
    expect(sql.options.connection.application_name).toBe('postgres.js')
    await lifeguard.close()
  })

  it('is found behind Drizzle, and belongs to one lifeguard', () => {
    const { sql } = new ToyDriver()
    const lifeguard = createLifeguard({ reporters: [] })
    const other = createLifeguard({ reporters: [] })
    onTestFinished(() => lifeguard.close())
    lifeguard.watch({ $client: sql }, { name: 'drizzle' })
    expect(lifeguard.snapshot().pools).toMatchObject([{ name: 'drizzle', max: 1 }])
    expect(() => other.watch(sql)).toThrow(WatchError)
  })

  it('says when the pool ends', async () => {
    const { sql } = new ToyDriver()
    const lifeguard = createLifeguard({ reporters: [] })
    onTestFinished(() => lifeguard.close())
    lifeguard.watch(sql)
    await sql.end()
    expect(lifeguard.snapshot().pools).toMatchObject([{ ending: true }])
  })

  it('is forgotten when it has ended', async () => {
    const { sql } = new ToyDriver()
    const clock = manualClock()
    const lifeguard = createLifeguard({ reporters: [], clock })
    onTestFinished(() => lifeguard.close())
    lifeguard.watch(sql)
    await sql.begin(async () => {})
    await sql.end()
    clock.advance(200)
    expect(lifeguard.snapshot().pools).toEqual([])
  })
})
