// @ts-check
// The variants that are no guard of ours: what else services run, and what no guard can do without.

import { guardLeast } from './least-guard.mjs'
import { requirePg } from './packages.mjs'
import { logLongCheckouts, recordStacks } from './wrapper.mjs'

/**
 * @typedef {import('pg').Pool} Pool
 * @typedef {import('./variants.mjs').Guard} Guard
 */

/**
 * Spans go to no exporter: what exporting costs is a matter of the exporter.
 * @param {'AlwaysOffSampler' | 'AlwaysOnSampler'} sampler
 * @returns {Promise<Guard>}
 */
export async function traced(sampler) {
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
  return {
    adopt() {},
    async verify(pool) {
      if (!('__wrapped' in requirePg().Client.prototype.query)) throw new Error('pg is not instrumented')
      if (pool !== undefined && !('__wrapped' in pool.connect))
        throw new Error('the pool is not instrumented')
      if (spans > 0 !== (sampler === 'AlwaysOnSampler')) throw new Error(`${sampler} made ${spans} spans`)
    },
  }
}

/** @param {{ withLine: boolean }} options
 *  @returns {Promise<Guard>} */
export async function wrapped(options) {
  return {
    adopt: (host) => logLongCheckouts(/** @type {Pool} */ (host), options),
    async verify(pool) {
      const client = await pool?.connect()
      await client?.query('SELECT 2')
      client?.release()
      if (String(Reflect.get(client ?? {}, 'lastQuery')) !== 'SELECT 2') throw new Error('nothing is wrapped')
    },
  }
}

/** @returns {Promise<Guard>} */
export async function leastGuarded() {
  /** @type {ReturnType<typeof guardLeast> | undefined} */
  let guard
  return {
    adopt(host) {
      guard = guardLeast(/** @type {Pool} */ (host))
    },
    async verify(pool) {
      const client = await pool?.connect()
      await client?.query('BEGIN')
      const [found, ...others] = guard?.transactions() ?? []
      await client?.query('COMMIT')
      client?.release()
      const isFound = found?.stack.stack?.includes('alternatives.mjs') && found.session?.opening
      if (!isFound || others.length > 0 || guard?.transactions().length !== 0)
        throw new Error('the transaction was not found, or not forgotten')
    },
  }
}

/** @returns {Promise<Guard>} */
export async function stacked() {
  /** @type {{ stack: Error } | undefined} */
  let latest
  return {
    adopt(host) {
      latest = recordStacks(/** @type {Pool} */ (host))
    },
    async verify(pool) {
      const client = await pool?.connect()
      client?.release()
      if (latest?.stack.stack?.split('\n').length !== 3) throw new Error(`no stack: ${latest?.stack.stack}`)
    },
  }
}
