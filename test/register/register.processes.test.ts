import { describe, expect, it, vi } from 'vitest'
import { useDatabase } from '../support/database.ts'
import { applicationTestMillis, useApplications } from './application.ts'

vi.setConfig({ testTimeout: 2 * applicationTestMillis })

const db = useDatabase()
const applications = useApplications(db, [
  'pg',
  '@opentelemetry/api',
  '@opentelemetry/instrumentation-pg',
  '@opentelemetry/sdk-trace-node',
])
const env = { LIFEGUARD_IDLE_TRANSACTION: '50ms' }

const leaky = `const { Pool } = require('pg')
const pool = new Pool()
void (async () => {
  await (await pool.connect()).query('BEGIN') // here
})()`
const found = { kind: 'idle-transaction', origin: { line: 4 } }
const startLines = (messages: readonly string[]) => messages.filter((text) => text.includes('on, in mode'))

describe('an application of several processes', () => {
  it.each([
    ['--import', { nodeArgs: ['--import', 'pg-lifeguard/register'] }],
    ['NODE_OPTIONS', { nodeArgs: [], env: { ...env, NODE_OPTIONS: '--import pg-lifeguard/register' } }],
  ])(
    'is found to leak in each worker of node:cluster, and says once that it is watched: %s',
    async (_how, options) => {
      applications.write({
        'leaky.cjs': leaky,
        'cluster.cjs': `const cluster = require('node:cluster')
if (cluster.isPrimary) for (let one = 0; one < 2; one += 1) cluster.fork()
else require('./leaky.cjs')`,
      })
      const { findings, messages } = await applications.run('cluster.cjs', { env, findings: 2, ...options })
      expect(findings).toMatchObject([found, found])
      expect(new Set(findings.map(({ checkout }) => checkout?.pid)).size).toBe(2)
      expect(startLines(messages)).toHaveLength(1)
    },
  )

  it.each(['pm2', 'pm2-runtime', 'nodemon', 'tsx', 'npm-cli.js'])(
    'has no lifeguard in what only starts it: %s',
    async (name) => {
      applications.write({ [name]: `${leaky}\nsetTimeout(() => process.exit(), 300)` })
      const { findings, messages, code } = await applications.run(name, {
        env,
        nodeArgs: ['--require', 'pg-lifeguard/register'],
      })
      expect({ findings, messages, code }).toEqual({ findings: [], messages: [], code: 0 })
    },
  )
})

describe('beside the register of OpenTelemetry', () => {
  const telemetry = `import { PgInstrumentation } from '@opentelemetry/instrumentation-pg'
import { NodeTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node'
const exporter = {
  export(spans, done) {
    for (const { name } of spans) process.stdout.write(JSON.stringify({ message: 'span ' + name }) + '\\n')
    done({ code: 0 })
  },
  async shutdown() {},
}
const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
provider.register()
const instrumentation = new PgInstrumentation()
instrumentation.setTracerProvider(provider)`
  const [ours, theirs] = ['pg-lifeguard/register', './telemetry.mjs']

  it.each([
    ['before it', [ours, theirs]],
    ['after it', [theirs, ours]],
  ])('there are findings and spans: %s', async (_order, order) => {
    applications.write({ 'leaky.cjs': leaky, 'telemetry.mjs': telemetry })
    const { findings, messages } = await applications.run('leaky.cjs', {
      env,
      nodeArgs: order.flatMap((one) => ['--import', one]),
    })
    expect(findings).toMatchObject([found])
    expect(findings[0]?.traceId).toBeUndefined()
    expect(messages.filter((text) => text.startsWith('span '))).toEqual(
      expect.arrayContaining(['span pg-pool.connect', expect.stringMatching(/^span pg\.query:BEGIN/)]),
    )
  })
})
