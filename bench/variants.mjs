// @ts-check
// The ways to run the same program. Whatever a variant needs is loaded by itself: the bare program's process knows no guard.

import { leastGuarded, stacked, traced, wrapped } from './alternatives.mjs'

/**
 * @typedef {import('pg').Pool} Pool
 * @typedef {import('pg-lifeguard').Lifeguard} Lifeguard
 * @typedef {import('pg-lifeguard').Watchable} Watchable
 * @typedef {import('@opentelemetry/sdk-trace-node').Sampler} Sampler
 * @typedef {import('./workloads.mjs').Workload} Workload
 *
 * @typedef {object} Variant
 * @property {string} title
 * @property {string} column The title at the head of a column.
 * @property {boolean} [isAlternative] It is what a service may run instead of the guard.
 * @property {readonly string[]} [execArgv] How its process is started.
 * @property {'comments' | 'more'} [statements] What it does to the statements of a program.
 * @property {(workload: Workload, row: string) => boolean} [has] Whether there is anything to measure; always, by default.
 * @property {() => Promise<Guard>} prepare Before the program is loaded.
 *
 * @typedef {object} Guard
 * @property {(host: Watchable) => void} adopt Takes a pool, or a library with one, before its first use.
 * @property {(pool: Pool) => Promise<void>} [settle] When each client has been used.
 * @property {Lifeguard} [mounts] What a service mounts as its middleware.
 * @property {() => string | undefined} [scopeName] Of the scope that the caller runs in.
 * @property {(pool: Pool | undefined) => Promise<void>} verify Throws if, after use, the variant is not what it claims.
 */

/** @type {(facts: Pick<Variant, 'title' | 'column'> & Partial<Variant>) => Variant} */
const variant = (facts) => ({ prepare: bare, ...facts })

/** @param {string} name
 *  @param {import('pg-lifeguard').LifeguardOptions} options
 *  @param {(lifeguard: Lifeguard, pool: Pool | undefined) => void | Promise<void>} [proof]
 *  @param {Partial<Variant>} [more] */
const guardedVariant = (name, options, proof, more = {}) =>
  variant({ title: `guarded, ${name}`, column: name, ...more, prepare: () => guarded(options, proof) })

export const variants = {
  bare: variant({ title: 'bare', column: 'bare' }),
  twin: variant({ title: 'bare, a second time (the noise)', column: 'bare again' }),
  observe: guardedVariant('`observe`', { mode: 'observe' }, hasMode('observe')),
  enforce: guardedVariant('`enforce`', { mode: 'enforce' }, hasMode('enforce')),
  tag: guardedVariant('`tag`', { tag: { application: 'bench' } }, undefined, { statements: 'comments' }),
  metricsSdk: variant({
    title: 'guarded, `pg-lifeguard/otel` with the metrics SDK',
    column: 'metrics',
    prepare: () => measured(true),
  }),
  register: variant({
    title: 'guarded by `--import pg-lifeguard/register`',
    column: '`register`',
    execArgv: ['--import', 'pg-lifeguard/register'],
    prepare: registered,
  }),
  unwatched: variant({
    title: 'watched, then unwatched',
    column: 'unwatched',
    has: (workload) => !workload.isService && workload.ownsPool !== true,
    prepare: unwatched,
  }),
  otelOff: variant({
    title: 'OpenTelemetry, always-off sampler',
    column: 'OTel off',
    isAlternative: true,
    prepare: () => traced('AlwaysOffSampler'),
  }),
  otelOn: variant({
    title: 'OpenTelemetry, always-on sampler',
    column: 'OTel on',
    isAlternative: true,
    prepare: () => traced('AlwaysOnSampler'),
  }),
  wrapper: variant({
    title: 'the 5 s wrapper',
    column: '5 s wrapper',
    isAlternative: true,
    has: callsConnect,
    prepare: () => wrapped({ withLine: false }),
  }),
  wrapperLine: variant({
    title: 'the 5 s wrapper with the line',
    column: '5 s wrapper + line',
    isAlternative: true,
    has: callsConnect,
    prepare: () => wrapped({ withLine: true }),
  }),
  stack: variant({
    title: 'bare, with a stack of each checkout',
    column: 'a stack',
    has: callsConnect,
    prepare: stacked,
  }),
  least: variant({
    title: 'bare, with the least that finds a transaction left open',
    column: 'least guard',
    has: callsConnect,
    prepare: leastGuarded,
  }),
  checked: guardedVariant("`handles: 'checked'`", { handles: 'checked' }, hasHandles),
  verify: guardedVariant('`sessionState.verify`', { sessionState: { verify: true } }, undefined, {
    statements: 'more',
  }),
  statistics: guardedVariant('`statistics`', { statistics: true }, (lifeguard) => {
    if (lifeguard.statistics().pools.length !== 1) throw new Error('there are no statistics')
  }),
  timeline: guardedVariant('`timeline`', { timeline: {} }, (lifeguard) => {
    if (lifeguard.timeline() === undefined) throw new Error('the recorder is off')
  }),
  tagName: guardedVariant(
    '`tag` of connections alone',
    { tag: { application: 'bench', statements: false } },
    hasApplicationName,
  ),
  tagPlain: guardedVariant(
    '`tag` without `origin`',
    { tag: { application: 'bench', origin: false } },
    undefined,
    { statements: 'comments' },
  ),
  metricsApi: variant({
    title: 'guarded, `pg-lifeguard/otel` without an SDK',
    column: 'otel without an SDK',
    prepare: () => measured(false),
  }),
}

/**
 * Whether there is anything to wrap: not for `pool.query`, nor where the pool is not of node-postgres.
 * @param {Workload} workload
 * @param {string} row
 */
function callsConnect(workload, row) {
  return workload.ownsPool !== true && !['query', 'contended'].includes(row)
}

/** @returns {Promise<Guard>} */
async function bare() {
  return { adopt() {}, async verify() {} }
}

/** @param {import('pg-lifeguard').LifeguardOptions} options
 *  @param {(lifeguard: Lifeguard, pool: Pool | undefined) => void | Promise<void>} [proof]
 *  @returns {Promise<Guard & { mounts: Lifeguard }>} */
async function guarded(options, proof) {
  const { createLifeguard } = await import('pg-lifeguard')
  const lifeguard = createLifeguard({ reporters: [], ...options })
  return {
    adopt: (host) => void lifeguard.watch(host, { name: 'bench' }),
    mounts: lifeguard,
    scopeName: () => lifeguard.currentScope()?.describe().name,
    async verify(pool) {
      requireWatched(lifeguard)
      await proof?.(lifeguard, pool)
    },
  }
}

/** @returns {Promise<Guard>} */
async function registered() {
  const { getLifeguard } = await import('pg-lifeguard/register')
  return {
    adopt() {},
    scopeName: () => getLifeguard().currentScope()?.describe().name,
    verify: async () => requireWatched(getLifeguard()),
  }
}

/** @param {Lifeguard} lifeguard */
function requireWatched(lifeguard) {
  const { pools, findings } = lifeguard.snapshot()
  if (pools.length !== 1) throw new Error(`${pools.length} pools are watched, not one`)
  if (findings.length > 0) throw new Error(`correct code was reported: ${JSON.stringify(findings)}`)
}

/** @param {'observe' | 'enforce'} mode */
function hasMode(mode) {
  return (/** @type {Lifeguard} */ lifeguard) => {
    if (lifeguard.snapshot().mode !== mode) throw new Error(`the mode is not ${mode}`)
  }
}

/** @param {Lifeguard} _
 *  @param {Pool | undefined} pool */
async function hasHandles(_, pool) {
  const first = await pool?.connect()
  first?.release()
  // The pool gives out the client that was released last.
  const second = await pool?.connect()
  second?.release()
  if (first === second) throw new Error('two checkouts have the same handle')
}

/** @param {Lifeguard} _
 *  @param {Pool | undefined} pool */
async function hasApplicationName(_, pool) {
  const { rows } = (await pool?.query('SHOW application_name')) ?? { rows: [] }
  if (!/bench/.test(JSON.stringify(rows))) throw new Error(`the connection is named ${JSON.stringify(rows)}`)
}

/**
 * Metrics are recorded and not exported: exporting costs the same whatever is recorded.
 * @param {boolean} hasSdk
 * @returns {Promise<Guard>}
 */
async function measured(hasSdk) {
  const { instrumentLifeguard, metricNames } = await import('pg-lifeguard/otel')
  if (!hasSdk) {
    const guard = await guarded({})
    instrumentLifeguard(guard.mounts)
    return guard
  }
  const { MeterProvider, MetricReader } = await import('@opentelemetry/sdk-metrics')
  class Reader extends MetricReader {
    async onShutdown() {}
    async onForceFlush() {}
  }
  const reader = new Reader()
  const meterProvider = new MeterProvider({ readers: [reader] })
  const guard = await guarded({}, async () => {
    const { resourceMetrics } = await reader.collect()
    const recorded = resourceMetrics.scopeMetrics.flatMap(({ metrics }) => metrics)
    if (!recorded.some(({ descriptor }) => descriptor.name === metricNames.useTime))
      throw new Error('nothing was measured')
  })
  instrumentLifeguard(guard.mounts, { meterProvider })
  return guard
}

/** @returns {Promise<Guard>} */
async function unwatched() {
  const { createLifeguard } = await import('pg-lifeguard')
  const lifeguard = createLifeguard({ reporters: [] })
  return {
    adopt: (host) => void lifeguard.watch(host, { name: 'bench' }),
    async settle() {
      requireWatched(lifeguard)
      await lifeguard.close()
    },
    async verify(pool) {
      const client = await pool?.connect()
      client?.release()
      if (Object.hasOwn(pool ?? {}, 'connect') || Object.hasOwn(client ?? {}, 'query'))
        throw new Error('the guard is still there')
    },
  }
}
