import pg from 'pg'
import { describe, expect, it, onTestFinished } from 'vitest'
import { internalsOf } from '../../src/guard/internals.ts'
import { createLifeguard, manualClock } from '../../src/index.ts'
import { attributeNames as attribute, instrumentLifeguard, metricNames } from '../../src/otel/index.ts'
import { pretendedPool } from '../core/pretended-pool.ts'
import { useDatabase } from '../support/database.ts'
import { guardedPool, socketOf } from '../support/guarded-pool.ts'
import { startPipeline } from './pipeline.ts'

const db = useDatabase()

/** Two guarded pools on one clock, a pipeline, and a workload whose every number is known. */
async function workload() {
  const pipeline = await startPipeline()
  const clock = manualClock()
  const lifeguard = createLifeguard({ clock, mode: 'enforce', reporters: [] })
  const main = new pg.Pool({ ...db.config, max: 2, min: 1 })
  const reports = new pg.Pool({ ...db.config, max: 1, connectionTimeoutMillis: 10_000 })
  lifeguard.watch(main, { name: 'main' })
  lifeguard.watch(reports, { name: 'reports' })
  const stop = instrumentLifeguard(lifeguard, { meterProvider: pipeline.meterProvider, maxOrigins: 1 })
  const out = new Set<pg.PoolClient>()
  for (const pool of [main, reports]) {
    pool.on('acquire', (client) => out.add(client))
    pool.on('error', () => {})
  }
  onTestFinished(async () => {
    stop()
    await lifeguard.close()
    for (const client of out) socketOf(client).destroy()
    for (const pool of [main, reports]) void pool.end()
  })
  return { ...pipeline, clock, lifeguard, main, reports, stop }
}

const main = { [attribute.pool]: 'main' }
const reports = { [attribute.pool]: 'reports' }

describe('metrics', () => {
  it('are right to the last checkout for two pools with waits, timeouts and leaks', async () => {
    const { main: mainPool, reports: reportsPool, clock, lifeguard, ...pipeline } = await workload()

    // main: two clients held for 300 ms and 2,300 ms, a third caller that waits 300 ms and holds for 40 s.
    const one = await mainPool.connect()
    const two = await mainPool.connect()
    const waiting = mainPool.connect()
    clock.advance(300)
    one.release()
    const three = await waiting
    clock.advance(2_000)
    two.release()
    for (let n = 0; n < 5; n++) await mainPool.query('SELECT 1')
    clock.advance(38_000)

    // reports: its one client is held in a transaction while three callers time out; the guard rolls it back, and takes
    // it away.
    const leaked = await lifeguard.runInScope({ kind: 'job', name: 'report' }, async () => {
      const client = await reportsPool.connect()
      Object.assign(reportsPool.options, { connectionTimeoutMillis: 60 })
      await client.query('BEGIN')
      await expect(reportsPool.connect()).rejects.toThrow(/timeout/)
      await expect(reportsPool.query('SELECT 1')).rejects.toThrow(/timeout/)
      await expect(reportsPool.connect()).rejects.toThrow(/timeout/)
      return client
    })
    clock.advance(500)

    const during = await pipeline.metrics()
    const count = (state: string, of: object) =>
      during.get(metricNames.count)?.point({ ...of, [attribute.state]: state })?.value
    expect([count('idle', main), count('used', main)]).toEqual([1, 1])
    expect([count('idle', reports), count('used', reports)]).toEqual([0, 1])
    const value = (name: string, of: Record<string, string>) => during.get(name)?.point(of)?.value
    expect(value(metricNames.limit, main)).toBe(2)
    expect(value(metricNames.limit, reports)).toBe(1)
    expect(value(metricNames.idleMax, main)).toBe(2)
    expect(value(metricNames.idleMin, main)).toBe(1)
    expect(value(metricNames.idleMin, reports)).toBe(0)
    expect(value(metricNames.pendingRequests, reports)).toBe(0)
    expect(value(metricNames.transactions, main)).toBe(0)
    expect(value(metricNames.transactions, reports)).toBe(1)
    expect(value(metricNames.oldestTransaction, reports)).toBeCloseTo(0.5)
    expect(value(metricNames.oldestCheckout, main)).toBeCloseTo(40.5)
    expect(value(metricNames.oldestCheckout, reports)).toBeCloseTo(0.5)

    clock.advance(1_000) // The scope's grace is over.
    await expect.poll(() => reportsPool.totalCount).toBe(0)
    leaked.release()
    three.release()

    const after = await pipeline.metrics()
    const times = (name: string, of: Record<string, string>) => after.get(name)?.point(of)
    expect(times(metricNames.waitTime, main)).toMatchObject({ count: 8 })
    expect(times(metricNames.waitTime, main)?.sum).toBeCloseTo(0.3)
    expect(times(metricNames.useTime, main)).toMatchObject({ count: 8 })
    expect(times(metricNames.useTime, main)?.sum).toBeCloseTo(0.3 + 2.3 + 2 + 38 + 0.5 + 1, 1)
    expect(times(metricNames.createTime, main)).toMatchObject({ count: 2 })
    expect(times(metricNames.waitTime, reports)).toMatchObject({ count: 1 })
    expect(times(metricNames.useTime, reports)).toMatchObject({ count: 1 })
    expect(times(metricNames.createTime, reports)).toMatchObject({ count: 1 })
    expect(times(metricNames.timeouts, main)).toMatchObject({ value: 0 })
    expect(times(metricNames.timeouts, reports)).toMatchObject({ value: 3 })
    for (const name of [metricNames.createTime, metricNames.waitTime, metricNames.useTime]) {
      expect(after.get(name)).toMatchObject({ unit: 's' })
      expect(times(name, main)?.bounds[0]).toBeLessThanOrEqual(0.001)
      expect(times(name, main)?.bounds.at(-1)).toBeGreaterThanOrEqual(10)
    }
    expect(times(metricNames.transactions, reports)).toMatchObject({ value: 0 })
    expect(times(metricNames.oldestCheckout, reports)).toMatchObject({ value: 0 })

    const findings = (of: Record<string, string>) =>
      after
        .get(metricNames.findings)
        ?.points.filter(({ attributes }) => Object.entries(of).every(([key, is]) => attributes[key] === is))
        .reduce((total, point) => total + (point.value ?? 0), 0)
    expect(findings({ ...main, [attribute.kind]: 'long-hold' })).toBe(1)
    expect(findings({ ...reports, [attribute.kind]: 'pool-exhausted' })).toBe(3)
    expect(
      findings({ ...reports, [attribute.kind]: 'outlived-scope', [attribute.certainty]: 'certain' }),
    ).toBe(1)
    expect(findings({ ...reports, [attribute.certainty]: 'suspected' })).toBe(
      lifeguard.snapshot().findings.filter((one) => one.pool === 'reports' && one.certainty === 'suspected')
        .length,
    )
    expect(after.get(metricNames.remedies)?.points).toMatchObject([
      {
        value: 1,
        attributes: {
          ...reports,
          [attribute.kind]: 'outlived-scope',
          [attribute.remedy]: 'destroy',
          [attribute.outcome]: 'destroyed',
        },
      },
    ])
  })

  it('are what Prometheus reads over HTTP', async () => {
    const { main: pool, clock, scrape } = await workload()
    const client = await pool.connect()
    await client.query('BEGIN')
    clock.advance(11_000)
    await expect.poll(scrape).toMatch(/pg_lifeguard_findings_total\{[^}]*idle-transaction/)
    const text = await scrape()
    const of = 'db_client_connection_pool_name="main"'
    const line = (name: string, labels: string) =>
      text.split('\n').find((one) => one.startsWith(`${name}{`) && one.includes(labels))
    expect(line('db_client_connection_count', `${of},db_client_connection_state="used"`)).toMatch(/ 1$/)
    expect(line('db_client_connection_limit', of)).toMatch(/ 2$/)
    expect(line('pg_lifeguard_checkout_oldest_age', of)).toMatch(/ 11$/)
    expect(line('db_client_connection_wait_time_count', of)).toMatch(/ 1$/)
    expect(line('db_client_connection_timeouts_total', of)).toMatch(/ 0$/)
    client.release()
  })

  it('tell as many lines of source apart as was asked for', async () => {
    const { main: pool, clock, metrics: exported } = await workload()
    const first = await pool.connect()
    const second = await pool.connect()
    clock.advance(31_000)
    first.release()
    second.release()
    const origins = (await exported())
      .get(metricNames.findings)
      ?.points.map(({ attributes }) => attributes[attribute.origin])
    expect(origins).toEqual([expect.stringContaining('test/otel/metrics.test.ts'), '(other)'])
  })

  it('add up pools of one name', async () => {
    const { lifeguard, main: pool, metrics: exported } = await workload()
    const another = new pg.Pool({ ...db.config, max: 5 })
    lifeguard.watch(another, { name: 'main' })
    const held = [await pool.connect(), await another.connect(), await another.connect()]
    const now = await exported()
    expect(now.get(metricNames.limit)?.point(main)).toMatchObject({ value: 7 })
    expect(now.get(metricNames.count)?.point({ ...main, [attribute.state]: 'used' })).toMatchObject({
      value: 3,
    })
    for (const client of held) client.release()
    await another.end()
  })

  it('end when they are stopped, and can begin again', async () => {
    const { lifeguard, main: pool, stop, meterProvider, metrics: exported } = await workload()
    stop()
    const client = await pool.connect()
    client.release()
    expect((await exported()).get(metricNames.waitTime)).toBeUndefined()
    expect(internalsOf(lifeguard)?.ledger.meter).toBeUndefined()
    const stopAgain = instrumentLifeguard(lifeguard, { meterProvider })
    expect(() => instrumentLifeguard(lifeguard)).toThrow(/is instrumented already/)
    stopAgain()
  })
})

describe('an SDK that is broken', () => {
  it('makes no checkout fail', async () => {
    const broken = () => {
      throw new Error('broken SDK')
    }
    const instrument = { record: broken, add: broken }
    const meter = {
      createHistogram: () => instrument,
      createCounter: () => instrument,
      createObservableUpDownCounter: () => instrument,
      createObservableGauge: () => instrument,
      addBatchObservableCallback() {},
      removeBatchObservableCallback() {},
    }
    const { pool, lifeguard, clock, findings } = guardedPool({ ...db.config, max: 1 })
    instrumentLifeguard(lifeguard, { meterProvider: { getMeter: () => meter } as never })
    const warned: unknown[] = []
    const listen = (warning: unknown) => warned.push(warning)
    process.on('warning', listen)
    onTestFinished(() => void process.off('warning', listen))
    expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    const client = await pool.connect()
    Object.assign(pool.options, { connectionTimeoutMillis: 50 })
    await expect(pool.connect()).rejects.toThrow('timeout exceeded when trying to connect')
    clock.advance(31_000)
    client.release()
    expect(findings.map(({ kind }) => kind)).toContain('long-hold')
    // A listener that fails is told of as every other one.
    await expect.poll(() => warned).not.toEqual([])
  })
})

describe('the attributes of metrics', () => {
  it('have the names of two hundred pools, and one for all others', async () => {
    const { lifeguard, ...pipeline } = await workload()
    const meter = internalsOf(lifeguard)?.ledger.meter
    for (let n = 0; n < 1000; n += 1) meter?.timedOut({ ...pretendedPool().pool, name: `of call ${n}` })
    const points = (await pipeline.metrics()).get(metricNames.timeouts)?.points ?? []
    const names = points.map(({ attributes }) => attributes[attribute.pool])
    expect(names).toHaveLength(201)
    expect(names).toEqual(expect.arrayContaining(['of call 0', 'of call 199', '(other)']))
    const others = points.find(({ attributes }) => attributes[attribute.pool] === '(other)')
    expect(others?.value).toBe(800)
  })
})
