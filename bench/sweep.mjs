// @ts-check
// What a great many open checkouts cost, in CPU time per sweep and in heap. Node-postgres' own pool, with clients that are
// not connected to anything: no server has so many sessions to give.

import pg from 'pg'
import { createLifeguard } from 'pg-lifeguard'
import { offlineSocket } from './offline-socket.mjs'
import { cpuMicros, heapBytes } from './resources.mjs'

/**
 * @typedef {object} SweepCost
 * @property {number} checkouts
 * @property {number[]} idleMillis Each sweep over checkouts without a transaction.
 * @property {number[]} openMillis Each sweep over open transactions.
 * @property {number[]} reportedMillis Each sweep over open transactions that have been reported, all of them.
 * @property {number} idleBytes On the heap for each client that is idle and was out before, beyond what bare ones need.
 * @property {number} outBytes The same while it is out.
 */

const checkouts = 10_000
const sweeps = 60
const warmUpSweeps = 60
const beyondReach = 2 ** 31 - 1
const patient = {
  idleTransactionMillis: beyondReach,
  transactionMillis: beyondReach,
  holdMillis: beyondReach,
  acquireWaitMillis: beyondReach,
  scopeGraceMillis: beyondReach,
}
const quick = { ...patient, idleTransactionMillis: 1000 }

process.send?.({ answer: await measure() }, () => process.disconnect())

/** @returns {Promise<SweepCost>} */
async function measure() {
  const guarded = await bytesPerClient('guarded')
  const bare = await bytesPerClient('bare')
  return {
    checkouts,
    idleMillis: await timeSweeps(patient, 'idle'),
    openMillis: await timeSweeps(patient, 'open'),
    reportedMillis: await timeSweeps(quick, 'open'),
    idleBytes: guarded.idle - bare.idle,
    outBytes: guarded.out - bare.out,
  }
}

/** @param {typeof patient} limits
 *  @param {'idle' | 'open'} transaction */
async function timeSweeps(limits, transaction) {
  const time = sweepClock()
  const lifeguard = createLifeguard({ limits, clock: time.clock, reporters: [] })
  const pool = offlinePool()
  lifeguard.watch(pool, { name: 'bench' })
  const clients = await checkOutAll(pool)
  if (transaction === 'open') await Promise.all(clients.map((client) => client.query('BEGIN')))

  for (let done = 0; done < warmUpSweeps; done += 1) time.sweep()
  const millis = Array.from({ length: sweeps }, time.sweep)

  const { findings, checkouts: held } = lifeguard.snapshot()
  const open = held.filter((checkout) => checkout.transaction === 'open')
  const counts = [held.length, open.length, findings.length]
  const expected = [checkouts, transaction === 'open' ? checkouts : 0, limits === quick ? checkouts : 0]
  if (String(counts) !== String(expected))
    throw new Error(`checkouts, transactions, findings: ${counts}, not ${expected}`)
  await lifeguard.close()
  return millis
}

/** @param {'bare' | 'guarded'} variant */
async function bytesPerClient(variant) {
  const lifeguard = createLifeguard({ reporters: [] })
  const before = heapBytes()
  const pool = offlinePool()
  if (variant === 'guarded') lifeguard.watch(pool, { name: 'bench' })
  for (const client of await checkOutAll(pool)) client.release()
  const idle = heapBytes()
  const clients = await checkOutAll(pool)
  const out = heapBytes()
  for (const client of clients) client.release()
  await lifeguard.close()
  return { idle: (idle - before) / checkouts, out: (out - before) / checkouts }
}

function offlinePool() {
  return new pg.Pool({ stream: offlineSocket, ssl: false, max: checkouts, idleTimeoutMillis: 0 })
}

/** @param {pg.Pool} pool */
function checkOutAll(pool) {
  return Promise.all(Array.from({ length: checkouts }, () => pool.connect()))
}

/** A clock that moves by one period at a time and says what CPU time the sweep at its end took. */
function sweepClock() {
  let now = 0
  /** @type {{ callback: () => void, millis: number } | undefined} */
  let timer
  return {
    clock: {
      now: () => now,
      epochMillis: () => Date.UTC(2026, 0, 1) + now,
      /** @param {() => void} callback
       *  @param {number} millis */
      schedule(callback, millis) {
        const scheduled = { callback, millis }
        timer = scheduled
        return () => {
          if (timer === scheduled) timer = undefined
        }
      },
    },
    sweep() {
      if (timer === undefined) throw new Error('no sweep is due')
      const before = cpuMicros()
      // A sweep that reports much is interrupted, and goes on at once.
      do {
        const { callback, millis } = timer
        now += millis
        callback()
      } while (timer.millis === 0)
      return (cpuMicros() - before) / 1000
    },
  }
}
