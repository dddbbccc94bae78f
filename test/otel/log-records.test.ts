import { trace } from '@opentelemetry/api'
import { logs } from '@opentelemetry/api-logs'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  attributeNames as attribute,
  eventNames,
  type InstrumentOptions,
  instrumentLifeguard,
} from '../../src/otel/index.ts'
import { useDatabase } from '../support/database.ts'
import { guardedPool } from '../support/guarded-pool.ts'
import { startPipeline } from './pipeline.ts'

const db = useDatabase()

const spans = new InMemorySpanExporter()
const tracing = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] })

beforeAll(() => tracing.register({ contextManager: new AsyncLocalStorageContextManager() }))
afterAll(() => tracing.shutdown())

async function instrumented(options: InstrumentOptions = {}) {
  const guarded = guardedPool({ ...db.config, max: 2 })
  const pipeline = await startPipeline()
  const { meterProvider, loggerProvider } = pipeline
  instrumentLifeguard(guarded.lifeguard, { meterProvider, loggerProvider, ...options })
  return { ...guarded, pipeline }
}

const tracer = trace.getTracer('test')

describe('a finding', () => {
  it('is a log record in the trace of whoever checked the client out', async () => {
    const { pool, clock, lifeguard, findings, pipeline } = await instrumented()
    const job = lifeguard.openScope({ kind: 'job', name: 'nightly' })
    const { client, ids } = await tracer.startActiveSpan('GET /orders', async (span) => {
      const held = await job.run(() => pool.connect())
      await held.query('BEGIN')
      span.end()
      return { client: held, ids: span.spanContext() }
    })
    clock.advance(11_000)
    // What is certain comes after what was suspected, and supersedes it.
    job.end()
    clock.advance(2_000)
    client.release(true)
    const records = await pipeline.logs()
    expect(records.map(({ eventName, severityText }) => [eventName, severityText])).toEqual(
      expect.arrayContaining([
        [eventNames.finding, 'ERROR'],
        [eventNames.finding, 'WARN'],
        [eventNames.resolved, 'INFO'],
      ]),
    )
    const found = findings.find(({ kind }) => kind === 'idle-transaction')
    expect(found).toMatchObject({ traceId: ids.traceId, spanId: ids.spanId })
    const record = records.find(({ attributes }) => attributes[attribute.kind] === 'idle-transaction')
    expect(record).toMatchObject({
      severityText: 'WARN',
      body: found?.hint,
      traceId: ids.traceId,
      spanId: ids.spanId,
      attributes: {
        [attribute.certainty]: 'suspected',
        [attribute.pool]: 'main',
        [attribute.file]: import.meta.filename,
        [attribute.line]: found?.origin?.line,
        [attribute.transaction]: 'open',
        [attribute.query]: 'BEGIN',
        [attribute.scopeKind]: 'job',
        [attribute.scopeName]: 'nightly',
        [attribute.pid]: found?.checkout.pid,
        [attribute.held]: (found?.checkout.heldMillis ?? 0) / 1000,
      },
    })
    expect(record?.attributes[attribute.stack]).toContain(import.meta.filename)
    const certain = records.find(({ severityText }) => severityText === 'ERROR')
    expect(certain?.attributes[attribute.kind]).toBe('outlived-scope')
  })

  it('has the trace that its scope came with, where no span is active', async () => {
    const { pool, clock, lifeguard, findings } = await instrumented()
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    const client = await lifeguard.runInScope({ kind: 'job', name: 'n', traceparent }, () => pool.connect())
    clock.advance(1_300)
    client.release()
    expect(findings).toMatchObject([
      { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' },
    ])
  })

  it('has none where there is neither, and then its log record has none', async () => {
    const { pool, clock, findings, pipeline } = await instrumented()
    const client = await pool.connect()
    clock.advance(31_000)
    client.release()
    expect(findings).toHaveLength(1)
    expect(findings[0]).not.toHaveProperty('traceId')
    expect(await pipeline.logs()).toMatchObject([{ traceId: '' }, { eventName: eventNames.resolved }])
  })

  it('of a busy line is told as a count', async () => {
    const { pool, clock, pipeline, findings } = await instrumented()
    for (let n = 0; n < 12; n++) {
      const client = await pool.connect()
      clock.advance(31_000)
      client.release()
    }
    expect(findings).toHaveLength(12)
    const told = (await pipeline.logs()).filter(({ eventName }) => eventName === eventNames.finding)
    expect(told.map(({ attributes }) => attributes[attribute.occurrences])).toEqual([1, 2, 10])
  })

  it('goes to the provider that is registered, also when it was after', async () => {
    const { pool, clock, lifeguard } = guardedPool({ ...db.config, max: 1 })
    instrumentLifeguard(lifeguard)
    const pipeline = await startPipeline()
    logs.setGlobalLoggerProvider(pipeline.loggerProvider)
    const client = await pool.connect()
    clock.advance(31_000)
    client.release()
    expect((await pipeline.logs())[0]?.attributes[attribute.kind]).toBe('long-hold')
    logs.disable()
  })

  it('is an event on the span of the checkout only if that was asked for, and the span goes on', async () => {
    const silent = await instrumented()
    const told = await instrumented({ spanEvents: true })
    for (const { pool, clock } of [silent, told]) {
      await tracer.startActiveSpan('lives', async (span) => {
        const client = await pool.connect()
        clock.advance(31_000)
        client.release()
        span.end()
      })
    }
    const late = await tracer.startActiveSpan('over', async (span) => {
      const client = await told.pool.connect()
      span.end()
      return client
    })
    told.clock.advance(31_000)
    late.release()
    const events = spans
      .getFinishedSpans()
      .filter(({ name }) => name === 'lives' || name === 'over')
      .map((span) => [span.name, span.events.map(({ name }) => name)])
    expect(events).toEqual([
      ['lives', []],
      ['lives', [eventNames.finding]],
      ['over', []],
    ])
  })
})
