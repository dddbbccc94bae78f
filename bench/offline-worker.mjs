// @ts-check
// What the guard adds to each operation, without a server: the bare and the watched pool share one process, which runs a
// small batch of each in turn, over sockets in memory. The smallest time of many batches is what neither a busy machine
// nor a collection of garbage has met.

import { performance } from 'node:perf_hooks'
import pg from 'pg'
import { createLifeguard } from 'pg-lifeguard'
import { offlineSocket } from './offline-socket.mjs'
import { operations } from './operations.mjs'

/**
 * @typedef {import('./budgets.mjs').OfflineRow} OfflineRow
 * @typedef {{ readonly bare: number, readonly watched: number }} OfflineCost Microseconds per operation.
 * @typedef {{
 *   readonly node: string,
 *   readonly costs: Readonly<Record<OfflineRow, OfflineCost>>,
 *   readonly recorded: Readonly<Record<RecordedRow, number>>,
 * }} OfflineRun `recorded`: what the recorder of the live page adds to a watched pool.
 *
 * @typedef {(typeof recordedRows)[number]} RecordedRow
 */

const rows = /** @type {const} */ (['query', 'transaction', 'deepTransaction', 'checkout', 'deepCheckout'])
/** The ones that the recorder takes part in. */
const recordedRows = /** @type {const} */ (['transaction', 'checkout'])
/** About a millisecond: on a busy machine, longer ones are never run from start to end without an interruption. */
const batches = { query: 300, transaction: 80, deepTransaction: 80, checkout: 400, deepCheckout: 400 }
const [, , rounds = '800', only] = process.argv
const warmUpRounds = 100

const bare = offlinePool()
const watched = offlinePool()
const lifeguard = createLifeguard({ reporters: [] })
lifeguard.watch(watched)
await openAll(bare)
await openAll(watched)

/** @type {Partial<Record<OfflineRow, OfflineCost>>} */
const costs = {}
for (const row of rows)
  if (only === undefined || only === row) costs[row] = await measure(row, [bare, watched])

// After everything else, because another kind of watched pool slows V8 down for all.
const recording = offlinePool()
const recorder = createLifeguard({ reporters: [], timeline: {} })
recorder.watch(recording)
await openAll(recording)
/** @type {Partial<Record<RecordedRow, number>>} */
const recorded = {}
for (const row of recordedRows) {
  if (only !== undefined && only !== row) continue
  const { bare: without, watched: with_ } = await measure(row, [watched, recording])
  recorded[row] = with_ - without
}

const { findings } = lifeguard.snapshot()
if (recorder.timeline() === undefined) throw new Error('the recorder is off')
if (findings.length > 0) throw new Error(`correct code was reported: ${JSON.stringify(findings)}`)
if (!Object.hasOwn(watched, 'connect')) throw new Error('the pool is not watched')
const run = { node: process.versions.node, costs, recorded }
if (process.send === undefined) print()
else process.send({ answer: run }, () => process.exit())

/** @param {OfflineRow} row
 *  @param {readonly [import('pg').Pool, import('pg').Pool]} pools The second is the dearer one.
 *  @returns {Promise<OfflineCost>} */
async function measure(row, [cheap, dear]) {
  const least = { bare: Number.POSITIVE_INFINITY, watched: Number.POSITIVE_INFINITY }
  for (let round = -warmUpRounds; round < Number(rounds); round += 1) {
    const [one, other] = [await time(row, cheap), await time(row, dear)]
    if (round < 0) continue
    least.bare = Math.min(least.bare, one)
    least.watched = Math.min(least.watched, other)
  }
  return least
}

/** @param {OfflineRow} row
 *  @param {import('pg').Pool} pool */
async function time(row, pool) {
  const count = batches[row]
  const before = performance.now()
  await operations[row].run(pool, count)
  return ((performance.now() - before) * 1000) / count
}

/** Connections stay open; the timer that the pool starts at each release is part of the operation. */
function offlinePool() {
  return new pg.Pool({ stream: offlineSocket, ssl: false, max: 10, idleTimeoutMillis: 3_600_000 })
}

/** @param {import('pg').Pool} pool */
async function openAll(pool) {
  const clients = await Promise.all(Array.from({ length: 10 }, () => pool.connect()))
  for (const client of clients) client.release()
}

function print() {
  for (const [row, { bare, watched }] of Object.entries(costs)) {
    const figures = [bare, watched, watched - bare].map((micros) => micros.toFixed(2).padStart(7))
    console.log(`${process.versions.node} ${row.padEnd(16)} ${figures.join(' ')}`)
  }
  for (const [row, added] of Object.entries(recorded)) {
    console.log(`${process.versions.node} ${row.padEnd(16)} ${added.toFixed(2)} more with the recorder`)
  }
  process.exit()
}
