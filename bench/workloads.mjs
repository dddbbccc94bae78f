// @ts-check
// The programs that are measured, each on a pool of ten. One process has one of them, as a service has one framework and
// one library.

import { once } from 'node:events'
import { inTurn, operations, transaction } from './operations.mjs'
import { hasLibrary, require, requireLibrary, requirePg } from './packages.mjs'

/**
 * @typedef {import('pg').Pool} Pool
 * @typedef {import('./variants.mjs').Guard} Guard
 * @typedef {Pick<import('./operations.mjs').Operation, 'title' | 'batch' | 'batches' | 'statements' | 'callers'>} Row
 *
 * @typedef {object} Subject A program with all its connections open. They stay open: connecting is not measured.
 * @property {Pool} [pool] Unless a library has one of its own.
 * @property {(row: string, count: number) => Promise<void>} run
 * @property {string} [url] Of a service, whose work is asked for by requests from outside instead.
 *
 * @typedef {object} Workload
 * @property {Readonly<Record<string, Row>>} rows
 * @property {() => boolean} [isInstalled]
 * @property {boolean} [isService]
 * @property {number} [timesProcesses] How many times as many processes it has: two of them differ by more than others do.
 * @property {boolean} [ownsPool] A library makes the pool, and not by node-postgres.
 * @property {(url: string, guard: Guard) => Promise<Subject>} open
 */

const poolSize = 10
const idleTimeoutMillis = 3_600_000
const smallest = operations.transaction.statements

/** @satisfies {Record<string, Workload>} */
export const workloads = {
  pool: { rows: operations, open: openPool },
  express: {
    rows: {
      express: { title: 'Express 5, 100 requests at once', batch: 100, batches: 4, statements: smallest },
    },
    isService: true,
    open: openExpress,
  },
  fastify: {
    rows: {
      fastify: { title: 'Fastify 5, 100 requests at once', batch: 100, batches: 4, statements: smallest },
    },
    isService: true,
    open: openFastify,
  },
  knex: {
    rows: {
      knex: { title: 'Knex transaction', batch: 10, statements: ['BEGIN;', 'SELECT 1', 'COMMIT;'] },
    },
    timesProcesses: 3,
    ownsPool: true,
    open: openKnex,
  },
  sequelize: {
    rows: {
      sequelize: {
        title: 'Sequelize transaction',
        batch: 10,
        statements: ['START TRANSACTION;', 'SELECT 1', 'COMMIT;'],
      },
    },
    isInstalled: () => hasLibrary('sequelize'),
    timesProcesses: 3,
    ownsPool: true,
    open: openSequelize,
  },
  drizzle: {
    rows: {
      drizzle: {
        title: 'Drizzle transaction',
        batch: 15,
        statements: ['begin', 'SELECT 1', 'commit'],
      },
    },
    open: openDrizzle,
  },
}

/** @param {string} row Of any workload. */
export function titleOf(row) {
  /** @type {Workload[]} */
  const all = Object.values(workloads)
  return all.map(({ rows }) => rows[row]?.title).find((title) => title !== undefined) ?? row
}

/** @param {string} url
 *  @param {Guard} guard
 *  @returns {Promise<Subject & { pool: Pool }>} */
async function openPool(url, guard) {
  const { Pool } = requirePg()
  // The timer that node-postgres starts at each release by default remains part of the operation.
  const pool = new Pool({ connectionString: url, max: poolSize, idleTimeoutMillis })
  guard.adopt(pool)
  await useEachClient(async (all) => {
    const client = await pool.connect()
    await all()
    client.release()
  })
  await Promise.all(Array.from({ length: poolSize }, () => transaction(pool)))
  return {
    pool,
    run: (row, count) => operations[/** @type {keyof typeof operations} */ (row)].run(pool, count),
  }
}

/** @param {string} url
 *  @param {Guard} guard
 *  @returns {Promise<Subject>} */
async function openExpress(url, guard) {
  const { pool } = await openPool(url, guard)
  /** @type {import('express').Express} */
  const app = require('express')()
  if (guard.mounts !== undefined) {
    const { lifeguardMiddleware } = await import('pg-lifeguard/express')
    app.use(lifeguardMiddleware(guard.mounts))
  }
  app.get('/orders/:id', async (request, response) => {
    await transaction(pool)
    response.json({ id: request.params.id, scope: guard.scopeName?.() })
  })
  const server = app.listen(0, '127.0.0.1')
  // As Fastify has it: the 5 s of Node.js could pass between two batches.
  server.keepAliveTimeout = 72_000
  await once(server, 'listening')
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
  return service(pool, `http://127.0.0.1:${port}/orders/1`)
}

/** @param {string} url
 *  @param {Guard} guard
 *  @returns {Promise<Subject>} */
async function openFastify(url, guard) {
  const { pool } = await openPool(url, guard)
  const app = /** @type {typeof import('fastify')} */ (require('fastify')).fastify()
  if (guard.mounts !== undefined) {
    const { lifeguardPlugin } = await import('pg-lifeguard/fastify')
    await app.register(lifeguardPlugin, { lifeguard: guard.mounts })
  }
  app.get('/orders/:id', async (request) => {
    await transaction(pool)
    const { id } = /** @type {{ id: string }} */ (request.params)
    return { id, scope: guard.scopeName?.() }
  })
  return service(pool, `${await app.listen({ port: 0, host: '127.0.0.1' })}/orders/1`)
}

/** @param {Pool} pool
 *  @param {string} url
 *  @returns {Subject} */
function service(pool, url) {
  const request = async () => {
    const response = await fetch(url)
    if (!response.ok) throw new Error(`GET ${url} answered ${response.status}: ${await response.text()}`)
    await response.arrayBuffer()
  }
  return { pool, url, run: (_, count) => inTurn(count, request) }
}

/** @param {string} url
 *  @param {Guard} guard
 *  @returns {Promise<Subject>} */
async function openKnex(url, guard) {
  /** @type {typeof import('knex').knex} */
  const makeKnex = require('knex')
  const pool = { min: poolSize, max: poolSize, idleTimeoutMillis }
  const knex = makeKnex({ client: 'pg', connection: url, pool })
  guard.adopt(knex)
  await useEachClient((all) => knex.transaction(all))
  const operation = () => knex.transaction((trx) => trx.raw('SELECT 1'))
  return { run: (_, count) => inTurn(count, operation) }
}

/** @param {string} url
 *  @param {Guard} guard
 *  @returns {Promise<Subject>} */
async function openSequelize(url, guard) {
  const { Sequelize } = requireLibrary('sequelize')
  const pool = { min: poolSize, max: poolSize, idle: idleTimeoutMillis }
  const sequelize = new Sequelize(url, { dialect: 'postgres', logging: false, pool })
  guard.adopt(sequelize)
  const operation = () =>
    sequelize.transaction((/** @type {object} */ transaction) => sequelize.query('SELECT 1', { transaction }))
  await useEachClient((all) => sequelize.transaction(all))
  return { run: (_, count) => inTurn(count, operation) }
}

/** @param {string} url
 *  @param {Guard} guard
 *  @returns {Promise<Subject>} */
async function openDrizzle(url, guard) {
  const { pool } = await openPool(url, guard)
  /** @type {typeof import('drizzle-orm/node-postgres')} */
  const { drizzle } = require('drizzle-orm/node-postgres')
  const db = drizzle(pool)
  const operation = () => db.transaction((tx) => tx.execute('SELECT 1'))
  return { pool, run: (_, count) => inTurn(count, operation) }
}

/** Each call holds a client until all of them have one.
 *  @param {(all: () => Promise<void>) => Promise<unknown>} hold */
async function useEachClient(hold) {
  let held = 0
  /** @type {() => void} */
  let release = () => {}
  /** @type {Promise<void>} */
  const released = new Promise((resolve) => {
    release = resolve
  })
  const all = () => {
    held += 1
    if (held === poolSize) release()
    return released
  }
  await Promise.all(Array.from({ length: poolSize }, () => hold(all)))
}
