import { createRequire } from 'node:module'
import { PgInstrumentation } from '@opentelemetry/instrumentation-pg'
import type pg from 'pg'
import { expect, it, onTestFinished } from 'vitest'
import { createLifeguard } from '../../src/index.ts'
import { attributeNames as attribute, instrumentLifeguard, metricNames } from '../../src/otel/index.ts'
import { useDatabase } from '../support/database.ts'
import { startPipeline } from './pipeline.ts'

const db = useDatabase()

it('counts right beside the instrumentation of pg, which counts all pools together', async () => {
  const ours = await startPipeline()
  const theirs = await startPipeline()
  const instrumentation = new PgInstrumentation()
  instrumentation.setMeterProvider(theirs.meterProvider)
  // It hooks `require`.
  const require = createRequire(import.meta.url)
  const { Pool } = require('pg') as typeof pg
  require('pg-pool')
  const lifeguard = createLifeguard({ reporters: [] })
  const main = new Pool({ ...db.config, max: 4 })
  const reports = new Pool({ ...db.config, max: 4, connectionTimeoutMillis: 5_000 })
  lifeguard.watch(main, { name: 'main' })
  lifeguard.watch(reports, { name: 'reports' })
  instrumentLifeguard(lifeguard, { meterProvider: ours.meterProvider })
  onTestFinished(async () => {
    instrumentation.disable()
    await lifeguard.close()
    for (const pool of [main, reports]) void pool.end()
  })

  const held = await Promise.all([main.connect(), main.connect(), main.connect(), reports.connect()])
  for (const client of held.slice(2)) client.release()
  await Promise.all([main.query('SELECT 1'), reports.query('SELECT 1')])

  const truth = [main, reports].map(({ totalCount, idleCount }) => [idleCount, totalCount - idleCount])
  const count = (await ours.metrics()).get(metricNames.count)
  const counted = ['main', 'reports'].map((pool) =>
    ['idle', 'used'].map(
      (state) => count?.point({ [attribute.pool]: pool, [attribute.state]: state })?.value,
    ),
  )
  expect(counted).toEqual(truth)
  expect(truth).toEqual([
    [1, 2],
    [1, 0],
  ])

  const other = (await theirs.metrics()).get(metricNames.count)
  for (const client of held.slice(0, 2)) client.release()
  // Four connections are open, two of them idle. One counter for all pools cannot know.
  const theirCounts = other?.points.map(({ attributes, value }) => [attributes[attribute.state], value])
  expect(Object.fromEntries(theirCounts ?? [])).not.toEqual({ idle: 2, used: 2 })
})
