import type pg from 'pg'
import { afterAll, beforeAll, beforeEach, expect } from 'vitest'
import { abandonAfterTest, type combinations, type Guard, guard } from '../support/bare-twin.ts'
import type { TestDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { startProxy, type TcpProxy } from '../support/tcp-proxy.ts'

type Combination = Pick<(typeof combinations)[number], 'driver' | 'mode'>

export const numbers = (count: number) => `SELECT generate_series(1, ${count}) AS n`

/** A pool of one client for each test, and what there is to be expected of a stream on it. `file`: that of the tests. */
export function usePoolForStreams(db: TestDatabase, file: string, { driver, mode }: Combination) {
  let proxy: TcpProxy
  let pool: pg.Pool
  let guarded: Guard

  function open(config: pg.PoolConfig): void {
    pool = abandonAfterTest(new driver.Pool({ ...config, max: 1 }))
    guarded = guard(pool, { mode })
  }

  beforeAll(async () => {
    proxy = await startProxy(db.config.port, db.config.host)
    proxy.splitPackets()
  })
  afterAll(() => proxy.close())
  beforeEach(() => open(db.config))

  return {
    get pool() {
      return pool
    },
    get guarded() {
      return guarded
    },

    /** Everything that the server sends comes in many small packets. */
    splitPackets(): void {
      open({ connectionString: proxy.url(db.url) })
    },

    /** What the next owner does, who gets the same connection if nothing is wrong with it. */
    async expectNothingWrong(): Promise<void> {
      expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
      expect(guarded.kinds()).toEqual([])
      expect(pool.totalCount).toBe(1)
    },

    /** The client was released with work in progress. Bare and in `observe` its next owner waits for ever. */
    async expectBusyRelease(hint: RegExp): Promise<void> {
      await eventually(() => expect(guarded.kinds()).toEqual(['busy-release']))
      expect(guarded.findings[0]).toMatchObject({
        certainty: 'certain',
        origin: { file },
        hint: expect.stringMatching(hint),
      })
      if (mode === 'observe') return
      expect(guarded.findings[0]).toMatchObject({ outcome: 'destroyed' })
      expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    },

    expectHeldByPoolQuery(): void {
      expect(pool.idleCount).toBe(0)
      guarded.clock.advance(31_000)
      expect(guarded.findings).toMatchObject([
        { kind: 'long-hold', checkout: { via: 'pool.query' }, origin: { file } },
      ])
    },
  }
}
