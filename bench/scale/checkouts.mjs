// @ts-check
import { createLifeguard, formatSnapshot } from 'pg-lifeguard'
import { heapBytes } from '../resources.mjs'
import { checkOut, offlinePools, patient, watchAll } from './pools.mjs'
import { stepClock } from './step-clock.mjs'
import { cpuMillis, leastMillis } from './turns.mjs'

const pools = 100
const each = 100
const checkouts = pools * each
const warmUpSweeps = 60
const sweeps = 60

/**
 * Open checkouts over many pools. `idle`: without a transaction; `open`: with one; `reported`: all have been reported.
 *
 * @param {'idle' | 'open' | 'reported'} variant
 */
export async function measureCheckouts(variant) {
  const time = stepClock()
  const limits = variant === 'reported' ? { ...patient, idleTransactionMillis: 1000 } : patient
  const lifeguard = createLifeguard({ limits, clock: time.clock, reporters: [] })
  const bare = await bytesPerClient(offlinePools(pools, each))
  const all = offlinePools(pools, each)
  watchAll(lifeguard, all)
  const guarded = await bytesPerClient(all)

  const statement = variant === 'idle' ? 'SELECT 1' : 'BEGIN'
  await Promise.all(guarded.clients.map((client) => client.query(statement)))
  for (let done = 0; done < warmUpSweeps; done += 1) time.sweep()
  const sweepMillis = Math.min(...Array.from({ length: sweeps }, time.sweep))

  const firstMillis = cpuMillis(() => lifeguard.snapshot())
  const snapshotMillis = leastMillis(5, () => lifeguard.snapshot())
  const snapshot = lifeguard.snapshot()
  const textMillis = leastMillis(5, () => formatSnapshot(snapshot))

  const counts = [snapshot.checkouts.length, snapshot.findings.length]
  const expected = [checkouts, variant === 'reported' ? checkouts : 0]
  if (String(counts) !== String(expected)) throw new Error(`checkouts, findings: ${counts}, not ${expected}`)
  await lifeguard.close()
  return { sweepMillis, firstMillis, snapshotMillis, textMillis, bytes: guarded.bytes - bare.bytes }
}

/** @param {readonly import('pg').Pool[]} all */
async function bytesPerClient(all) {
  const before = heapBytes()
  const clients = await checkOut(all, each)
  return { clients, bytes: (heapBytes() - before) / checkouts }
}
