// @ts-check
// The ways to run the same pool. Whatever a variant needs is loaded by itself: the bare pool's process knows no guard.

import { createRequire } from 'node:module'
import { transaction } from './operations.mjs'

/**
 * @typedef {import('pg').Pool} Pool
 * @typedef {import('@opentelemetry/sdk-trace-node').Sampler} Sampler
 * @typedef {object} Variant
 * @property {string} title
 * @property {(url: string) => Promise<Subject>} prepare
 * @typedef {object} Subject
 * @property {Pool} pool
 * @property {() => void} verify Throws if, after some use, the variant is not what its title says.
 */

const poolSize = 10

/** @satisfies {Record<string, Variant>} */
export const variants = {
  bare: { title: 'bare', prepare: bare },
  twin: { title: 'bare, a second time (the noise)', prepare: bare },
  observe: { title: 'guarded, `observe`', prepare: (url) => guarded(url, 'observe') },
  enforce: { title: 'guarded, `enforce`', prepare: (url) => guarded(url, 'enforce') },
  checked: {
    title: "guarded, `handles: 'checked'`",
    prepare: (url) => guarded(url, 'observe', { handles: 'checked' }),
  },
  verify: {
    title: 'guarded, `sessionState.verify`',
    prepare: (url) => guarded(url, 'observe', { sessionState: { verify: true } }),
  },
  statistics: {
    title: 'guarded, `statistics`',
    prepare: (url) => guarded(url, 'observe', { statistics: true }),
  },
  timeline: {
    title: 'guarded, `timeline`',
    prepare: (url) => guarded(url, 'observe', { timeline: {} }),
  },
  tagName: {
    title: 'guarded, `tag` of connections',
    prepare: (url) => guarded(url, 'observe', { tag: { application: 'bench', statements: false } }),
  },
  tagPlain: {
    title: 'guarded, `tag` without `origin`',
    prepare: (url) => guarded(url, 'observe', { tag: { application: 'bench', origin: false } }),
  },
  tag: {
    title: 'guarded, `tag`',
    prepare: (url) => guarded(url, 'observe', { tag: { application: 'bench' } }),
  },
  metricsApi: { title: 'guarded, `pg-lifeguard/otel`, no SDK', prepare: (url) => measured(url, false) },
  metricsSdk: { title: 'guarded, `pg-lifeguard/otel`, metrics SDK', prepare: (url) => measured(url, true) },
  unwatched: { title: 'watched, then unwatched', prepare: unwatched },
  otelOff: { title: 'OpenTelemetry, always-off sampler', prepare: (url) => traced(url, 'AlwaysOffSampler') },
  otelOn: { title: 'OpenTelemetry, always-on sampler', prepare: (url) => traced(url, 'AlwaysOnSampler') },
}

/** @param {string} url
 *  @returns {Promise<Subject>} */
async function bare(url) {
  return { pool: await openPool(url), verify: () => {} }
}

/** @param {string} url
 *  @param {'observe' | 'enforce'} mode
 *  @param {import('pg-lifeguard').LifeguardOptions} [options]
 *  @param {(lifeguard: import('pg-lifeguard').Lifeguard) => void} [prepare]
 *  @returns {Promise<Subject>} */
async function guarded(url, mode, options = {}, prepare = () => {}) {
  const { createLifeguard } = await import('pg-lifeguard')
  const lifeguard = createLifeguard({ mode, reporters: [], ...options })
  prepare(lifeguard)
  const pool = await openPool(url, (pool) => lifeguard.watch(pool, { name: 'bench' }))
  const verify = () => {
    const { pools, findings } = lifeguard.snapshot()
    if (pools.length !== 1) throw new Error('the pool is not watched')
    if (findings.length > 0) throw new Error(`correct code was reported: ${JSON.stringify(findings)}`)
  }
  return { pool, verify }
}

/**
 * Metrics are recorded and not exported: exporting costs the same whatever is recorded.
 * @param {string} url
 * @param {boolean} hasSdk
 * @returns {Promise<Subject>}
 */
async function measured(url, hasSdk) {
  const { instrumentLifeguard, metricNames } = await import('pg-lifeguard/otel')
  if (!hasSdk) return guarded(url, 'observe', {}, instrumentLifeguard)
  const { MeterProvider, MetricReader } = await import('@opentelemetry/sdk-metrics')
  class Reader extends MetricReader {
    async onShutdown() {}
    async onForceFlush() {}
  }
  const reader = new Reader()
  const meterProvider = new MeterProvider({ readers: [reader] })
  const subject = await guarded(url, 'observe', {}, (lifeguard) =>
    instrumentLifeguard(lifeguard, { meterProvider }),
  )
  let recorded = 0
  void reader.collect().then(({ resourceMetrics }) => {
    recorded = resourceMetrics.scopeMetrics
      .flatMap(({ metrics }) => metrics)
      .filter(({ descriptor }) => descriptor.name === metricNames.useTime).length
  })
  const verify = () => {
    subject.verify()
    if (recorded !== 1) throw new Error('nothing was measured')
  }
  return { pool: subject.pool, verify }
}

/** @param {string} url
 *  @returns {Promise<Subject>} */
async function unwatched(url) {
  const { createLifeguard } = await import('pg-lifeguard')
  const lifeguard = createLifeguard({ reporters: [] })
  const pool = await openPool(url, (pool) => lifeguard.watch(pool, { name: 'bench' }))
  // Every client must have been in the guard's hands, and in a transaction too, before it is set free.
  await Promise.all(Array.from({ length: poolSize }, () => transaction(pool)))
  await lifeguard.close()
  const client = await pool.connect()
  client.release()
  const verify = () => {
    if (Object.hasOwn(pool, 'connect') || Object.hasOwn(client, 'query'))
      throw new Error('the guard is still there')
  }
  return { pool, verify }
}

/**
 * Spans go to no exporter: what exporting costs is a matter of the exporter.
 * @param {string} url
 * @param {'AlwaysOffSampler' | 'AlwaysOnSampler'} sampler
 * @returns {Promise<Subject>}
 */
async function traced(url, sampler) {
  const sdk = await import('@opentelemetry/sdk-trace-node')
  const { PgInstrumentation } = await import('@opentelemetry/instrumentation-pg')
  let spans = 0
  const counter = {
    onStart() {},
    onEnd() {
      spans += 1
    },
    forceFlush: async () => {},
    shutdown: async () => {},
  }
  new sdk.NodeTracerProvider({ sampler: new sdk[sampler](), spanProcessors: [counter] }).register()
  new PgInstrumentation()

  const pool = await openPool(url)
  const verify = () => {
    const { Client } = requirePg()
    if (!('__wrapped' in Client.prototype.query && '__wrapped' in pool.connect))
      throw new Error('pg is not instrumented')
    if (spans > 0 !== (sampler === 'AlwaysOnSampler')) throw new Error(`${sampler} made ${spans} spans`)
  }
  return { pool, verify }
}

/**
 * A pool with all its connections open, which stay open: reconnecting is not what is measured. The timer that
 * node-postgres starts at each release by default remains part of the operation.
 * @param {string} url
 * @param {(pool: Pool) => void} [prepare]
 */
async function openPool(url, prepare) {
  const { Pool } = requirePg()
  const pool = new Pool({ connectionString: url, max: poolSize, idleTimeoutMillis: 3_600_000 })
  prepare?.(pool)
  const clients = await Promise.all(Array.from({ length: poolSize }, () => pool.connect()))
  for (const client of clients) client.release()
  return pool
}

/**
 * Loaded late and by `require`, which is what the instrumentation hooks.
 * @returns {typeof import('pg')}
 */
function requirePg() {
  return createRequire(import.meta.url)('pg')
}
