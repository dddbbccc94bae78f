import { describe, expect, it, onTestFinished } from 'vitest'
import { lifeguardSlonik } from '../../../src/hosts/slonik/lifeguard-slonik.ts'
import { createLifeguard, OptionError } from '../../../src/index.ts'
import { useDatabase } from '../../support/database.ts'
import { createToySlonik, toyDriverFactory } from './toy-slonik.ts'

const db = useDatabase()

function setUp(name?: string) {
  const lifeguard = createLifeguard({ reporters: [] })
  onTestFinished(() => lifeguard.close())
  const options = lifeguardSlonik(lifeguard, {
    driverFactory: toyDriverFactory(db.config),
    ...(name === undefined ? {} : { name }),
  })
  const names = () => lifeguard.snapshot().pools.map((pool) => pool.name)
  const open = async (poolName?: string) => {
    const pool = await createToySlonik({ ...options, ...(poolName === undefined ? {} : { poolName }) })
    onTestFinished(() => pool.end())
    return pool
  }
  return { lifeguard, names, open }
}

describe('lifeguardSlonik', () => {
  it('refuses to do without a driver', () => {
    const lifeguard = createLifeguard({ reporters: [] })
    for (const options of [{}, undefined, { driverFactory: {} }]) {
      const make = () => lifeguardSlonik(lifeguard, options as never)
      expect(make).toThrow(OptionError)
    }
    expect(() => lifeguardSlonik(lifeguard, {} as never)).toThrow(
      /createPgDriverFactory\(\) of @slonik\/pg-driver/,
    )
  })

  it('names the pool as it is told, or else as Slonik is', async () => {
    const told = setUp('main')
    await told.open('orders')
    expect(told.names()).toEqual(['main'])
    const silent = setUp()
    await silent.open('orders')
    expect(silent.names()).toEqual(['orders'])
    const nameless = setUp()
    await nameless.open()
    expect(nameless.names()).toEqual(['pool'])
  })

  it('fails to make a pool for a lifeguard that is closed', async () => {
    const { lifeguard, open } = setUp()
    await lifeguard.close()
    await expect(open()).rejects.toThrow('after lifeguard.close()')
  })

  it('keeps one name over restarts, and gives further pools names of their own', async () => {
    const { names, open } = setUp('main')
    const first = await open()
    await first.any('SELECT 1')
    await first.end()
    const second = await open()
    expect(names()).toEqual(['main'])
    await second.any('SELECT 1')
    await open()
    expect(names()).toEqual(['main', 'main-2'])
  })

  it('sees a pool again that had no connection when the next one was made', async () => {
    const { lifeguard, names, open } = setUp('main')
    const first = await open()
    await open()
    expect(names()).toEqual(['main'])
    await first.connect(async () => {
      expect(lifeguard.snapshot().checkouts).toMatchObject([{ pool: 'main-2' }])
    })
  })
})
