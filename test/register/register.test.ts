import { describe, expect, it, vi } from 'vitest'
import { useDatabase } from '../support/database.ts'
import { applicationTestMillis, useApplications } from './application.ts'

vi.setConfig({ testTimeout: applicationTestMillis })

const db = useDatabase()
const applications = useApplications(db, [
  'pg',
  'express',
  'express-4',
  'fastify',
  'fastify-4',
  'koa',
  'knex',
  'tsx',
])

/** A client that asks once for this path, and whose server goes on. */
const asks = (path: string) => `
function ask(server) {
  server.once('listening', () => fetch('http://127.0.0.1:' + server.address().port + '${path}'))
}`
const leaks = 'const client = await pool.connect(); await client.query("BEGIN") // here'

const services: readonly [name: string, file: string, text: string][] = [
  [
    'Express 5, as an ES module',
    'express-5.mjs',
    `import pg from 'pg'
import express from 'express'
const pool = new pg.Pool()
const router = express.Router()
router.get('/orders/:id', async (request, response) => {
  ${leaks}
  response.end()
})
ask(express().use('/api', router).listen(0))
${asks('/api/orders/17')}`,
  ],
  [
    'Express 4, as CommonJS',
    'express-4.cjs',
    `const { Pool } = require('pg')
const express = require('express-4')
const pool = new Pool()
ask(express().get('/api/orders/:id', async (request, response) => {
  ${leaks}
  response.end()
}).listen(0))
${asks('/api/orders/17')}`,
  ],
  ...['fastify', 'fastify-4'].map((fastify): [string, string, string] => [
    fastify,
    `${fastify}.mjs`,
    `import pg from 'pg'
import fastify from '${fastify}'
const pool = new pg.Pool()
const app = fastify()
app.get('/api/orders/:id', async () => {
  ${leaks}
  return 'ok'
})
ask(app.server)
await app.listen({ port: 0 })
${asks('/api/orders/17')}`,
  ]),
  [
    'Koa with a router',
    'koa.cjs',
    `const { Pool } = require('pg')
const Koa = require('koa')
const pool = new Pool()
const app = new Koa()
app.use(async (context) => {
  context._matchedRoute = '/api/orders/:id'
  ${leaks}
  context.body = 'ok'
})
ask(app.listen(0))
${asks('/api/orders/17')}`,
  ],
  [
    'node:http, in TypeScript under tsx',
    'plain.ts',
    `import { createServer, type Server } from 'node:http'
import pg from 'pg'
const pool: pg.Pool = new pg.Pool()
const server: Server = createServer(async (request, response) => {
  ${leaks}
  response.end()
}).listen(0)
server.once('listening', () => fetch('http://127.0.0.1:' + (server.address() as any).port + '/api/orders/17'))`,
  ],
]

describe('an application that does not know the package', () => {
  it.each(services)('is found to leak in a request, with line and route: %s', async (_name, file, text) => {
    applications.write({ [file]: text })
    const nodeArgs = ['--import', 'pg-lifeguard/register']
    const { findings, messages } = await applications.run(file, {
      nodeArgs: file.endsWith('.ts') ? ['--import', 'tsx', ...nodeArgs] : nodeArgs,
    })
    const line = text.split('\n').findIndex((one) => one.includes('// here')) + 1
    expect(findings, messages.join('\n')).toMatchObject([
      {
        kind: 'outlived-scope',
        origin: { file: applications.file(file), line },
        scope: { kind: 'request', name: 'GET /api/orders/:id' },
      },
    ])
  })

  it('may be started by --require, NODE_OPTIONS and a worker thread', async () => {
    const leaky = `const { Pool } = require('pg')
const pool = new Pool()
void (async () => {
  await (await pool.connect()).query('BEGIN')
})()`
    applications.write({
      'leaky.cjs': leaky,
      'worker.mjs': `import { Worker } from 'node:worker_threads'\nnew Worker(new URL('leaky.cjs', import.meta.url))`,
    })
    const env = { LIFEGUARD_IDLE_TRANSACTION: '50ms' }
    const found = [{ kind: 'idle-transaction', origin: { line: 4 } }]
    const required = await applications.run('leaky.cjs', {
      env,
      nodeArgs: ['--require', 'pg-lifeguard/register'],
    })
    expect(required.findings).toMatchObject(found)
    const inherited = await applications.run('leaky.cjs', {
      env: { ...env, NODE_OPTIONS: '--import pg-lifeguard/register' },
      nodeArgs: [],
    })
    expect(inherited.findings).toMatchObject(found)
    const threaded = await applications.run('worker.mjs', { env })
    expect(threaded.findings).toMatchObject(found)
    expect(threaded.messages.filter((message) => message.includes('on, in mode'))).toHaveLength(1)
  })

  it.each([
    ['an ES module', 'knex.mjs', "import Knex from 'knex'"],
    ['CommonJS', 'knex.cjs', "const { knex: Knex } = require('knex')"],
  ])(
    "is found to leak in a pool of Knex's own, at the line of the transaction: %s",
    async (_kind, file, load) => {
      applications.write({
        [file]: `${load}
const knex = Knex({ client: 'pg', connection: process.env.DATABASE_URL })
async function main() {
  console.log(JSON.stringify({ message: 'rows ' + (await knex.select(knex.raw('1 AS one'))).length }))
  const transaction = await knex.transaction() // here
  await transaction.transaction(async (nested) => {
    await nested.raw('SELECT 1')
  })
}
void main()`,
      })
      const { findings, messages } = await applications.run(file, {
        env: { LIFEGUARD_IDLE_TRANSACTION: '50ms' },
      })
      expect(findings).toMatchObject([{ kind: 'idle-transaction', pool: 'pool', origin: { line: 5 } }])
      expect(messages).toContain('rows 1')
    },
  )

  it('is left to its own lifeguard where that watches Knex, after its first use too, and over a restart', async () => {
    applications.write({
      'own-knex.mjs': `import Knex from 'knex'
import { createLifeguard } from 'pg-lifeguard'
import { getLifeguard } from 'pg-lifeguard/register'
const knex = Knex({ client: 'pg', connection: process.env.DATABASE_URL })
await knex.raw('SELECT 1')
const own = createLifeguard({ reporters: [] })
own.watch(knex, { name: 'own' })
await knex.raw('SELECT 1')
const names = (one) => one.snapshot().pools.map(({ name }) => name)
console.log(JSON.stringify({ message: JSON.stringify([names(own), names(getLifeguard())]) }))
await knex.destroy()
knex.initialize()
await knex.raw('SELECT 1')
console.log(JSON.stringify({ message: JSON.stringify([names(own), names(getLifeguard())]) }))
await knex.destroy()`,
    })
    const { messages, code } = await applications.run('own-knex.mjs')
    expect(messages.filter((message) => message.startsWith('[['))).toEqual(['[["own"],[]]', '[["own"],[]]'])
    expect(code).toBe(0)
  })

  it('keeps its results, its errors and its exit code, and ends by itself', async () => {
    const text = `import pg from 'pg'
const early = pg.Pool.prototype.connect
const pool = new pg.Pool()
const { rows } = await pool.query('SELECT 1 AS one')
const error = await pool.query('SELECT wrong').catch(({ code }) => code)
const client = await pool.connect()
client.release()
const late = await early.call(pool)
late.release()
await new Promise((resolve) => pool.query('SELECT 2 AS two', (_error, result) => resolve(result.rows[0].two)))
console.log(JSON.stringify({ message: 'result', rows, error, name: pool.connect.name, length: early.length }))
await pool.end()
process.exitCode = 3`
    applications.write({ 'correct.mjs': text })
    const guarded = await applications.run('correct.mjs')
    const bare = await applications.run('correct.mjs', { nodeArgs: [] })
    expect(guarded).toMatchObject({ findings: [], code: 3 })
    expect(
      guarded.messages.filter(
        (message) => !message.includes('pg-lifeguard') && !message.startsWith('pool has'),
      ),
    ).toEqual(bare.messages)
  })
})

describe('a pool that the application watches by itself', () => {
  it.each(['before its first use', 'after its first use'])('is left to it %s', async (when) => {
    const uses = 'await pool.query("SELECT 1")'
    applications.write({
      'own.mjs': `import pg from 'pg'
import { createLifeguard } from 'pg-lifeguard'
import { getLifeguard } from 'pg-lifeguard/register'
const pool = new pg.Pool()
${when === 'after its first use' ? uses : ''}
const lifeguard = createLifeguard()
lifeguard.watch(pool, { name: 'own' })
${uses}
const names = (one) => one.snapshot().pools.map(({ name }) => name)
console.log(JSON.stringify({ message: JSON.stringify([names(lifeguard), names(getLifeguard())]) }))
await lifeguard.close()
${uses}
console.log(JSON.stringify({ message: JSON.stringify(names(getLifeguard())) }))
await pool.end()`,
    })
    const { messages, code } = await applications.run('own.mjs')
    expect(code).toBe(0)
    expect(messages).toContain('[["own"],[]]')
    expect(messages).toContain('[]')
  })
})

describe('the start', () => {
  it('says in one line what is on, and refuses a variable that is wrong', async () => {
    applications.write({ 'nothing.mjs': '' })
    const on = await applications.run('nothing.mjs', { env: { LIFEGUARD_MODE: 'enforce' } })
    expect(on.messages).toEqual([
      'pg-lifeguard: on, in mode enforce, with LIFEGUARD_MODE=enforce LIFEGUARD_REPORTER=json LIFEGUARD_SCOPE_GRACE=20ms',
    ])
    const refused = await applications.run('nothing.mjs', { env: { LIFEGUARD_MODE: 'enforced' } })
    expect(refused).toMatchObject({
      code: 1,
      messages: ['pg-lifeguard: LIFEGUARD_MODE must be "observe" or "enforce", got "enforced"'],
    })
  })

  it('says at the first request that no driver is seen, and what to do', async () => {
    applications.write({
      'blind.mjs': `import { createServer } from 'node:http'
const server = createServer((request, response) => response.end()).listen(0, async () => {
  for (const path of ['/1', '/2']) await fetch('http://127.0.0.1:' + server.address().port + path)
  server.close()
  server.closeAllConnections()
})`,
    })
    const { messages, code } = await applications.run('blind.mjs')
    expect(code).toBe(0)
    expect(messages.slice(1)).toEqual([
      expect.stringMatching(
        /has so far loaded no PostgreSQL driver that can be seen.* getLifeguard\(\)\.watch\(pool\)/,
      ),
    ])
  })

  it('loads next to nothing of the package before the first pool', async () => {
    applications.write({
      'lazy.cjs': `const before = Object.keys(require.cache).filter((file) => file.includes('pg-lifeguard')).length
console.log(JSON.stringify({ message: String(before) }))`,
    })
    const { messages } = await applications.run('lazy.cjs', {
      env: { LIFEGUARD_REPORTER: '', LIFEGUARD_SCOPE_GRACE: '' },
    })
    const loaded = Number(messages.at(-1))
    expect(loaded).toBeGreaterThan(0)
    expect(loaded).toBeLessThan(12)
  })
})
