import pg from 'pg'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  createLifeguard,
  type LifeguardOptions,
  manualClock,
  OptionError,
  type Statistics,
} from '../../src/index.ts'
import { useDatabase } from '../support/database.ts'

const db = useDatabase()

describe('statistics', () => {
  it('are an option, and say so', () => {
    const lifeguard = createLifeguard({ reporters: [] })
    expect(() => lifeguard.statistics()).toThrow(OptionError)
    expect(() => lifeguard.statistics()).toThrow(/statistics must be true/)
  })
})

describe('reportStatistics', () => {
  function reporting(reportStatistics: LifeguardOptions['reportStatistics']) {
    const reported: Statistics[] = []
    const lifeguard = createLifeguard({
      clock: manualClock(),
      reporters: [{ finding() {}, statistics: (statistics) => reported.push(statistics) }],
      ...(reportStatistics === undefined ? {} : { reportStatistics }),
    })
    const pool = new pg.Pool({ ...db.config, max: 1 })
    lifeguard.watch(pool)
    onTestFinished(async () => {
      await lifeguard.close()
      await pool.end()
    })
    return { lifeguard, pool, reported }
  }

  it("gives the reporters the statistics once at 'close'", async () => {
    const { lifeguard, pool, reported } = reporting('close')
    const client = await pool.connect()
    client.release()
    await lifeguard.close()
    await lifeguard.close()
    expect(reported).toMatchObject([{ pools: [{ checkouts: 1 }] }])
  })

  it.skipIf(process.platform === 'win32')(
    'gives them at each SIGUSR2, until the lifeguard is closed',
    async () => {
      const { lifeguard, reported } = reporting(['SIGUSR2'])
      const before = process.listenerCount('SIGUSR2')
      process.emit('SIGUSR2')
      process.emit('SIGUSR2')
      expect(reported).toHaveLength(2)
      await lifeguard.close()
      expect(process.listenerCount('SIGUSR2')).toBe(before - 1)
      expect(reported).toHaveLength(2)
    },
  )

  it('refuses an occasion that it does not know, and to report what is not kept', () => {
    const make = (options: object) => () => createLifeguard(options as LifeguardOptions)
    expect(make({ reportStatistics: 'SIGTERM' })).toThrow(/reportStatistics must be "close" or "SIGUSR2"/)
    expect(make({ statistics: false, reportStatistics: 'close' })).toThrow(/statistics must be true/)
    expect(make({ statistics: 'yes' })).toThrow(/statistics must be true or false/)
  })
})
