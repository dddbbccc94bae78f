// @ts-check
import { createLifeguard } from 'pg-lifeguard'
import { cpuMicros, heapBytes } from '../resources.mjs'
import { checkOut, offlinePools, patient, watchAll } from './pools.mjs'
import { stepClock } from './step-clock.mjs'
import { measureTurns } from './turns.mjs'

const pools = 100
const each = 10
const waiters = 5000
const sweeps = 60
const warmUps = 3

/**
 * Callers that wait for full pools, each in a scope of its own, and longer than the limit.
 *
 * @param {'bare' | 'guarded'} variant
 */
export async function measureWaiters(variant) {
  const time = stepClock()
  const limits = { ...patient, acquireWaitMillis: 1000 }
  const lifeguard = createLifeguard({ limits, clock: time.clock, reporters: [] })
  let found = 0
  lifeguard.on('finding', () => {
    found += 1
  })
  const all = offlinePools(pools, each)
  if (variant === 'guarded') watchAll(lifeguard, all)
  const scope = { kind: 'request', name: 'GET /' }
  const request = (/** @type {() => Promise<void>} */ work) =>
    variant === 'guarded' ? lifeguard.runInScope(scope, work) : work()
  let holders = await checkOut(all, each)

  // The last rounds of findings are kept, so that only the ones after them show whether anything else is.
  for (let done = 0; done < warmUps; done += 1) await waitAndServe()
  const before = heapBytes()
  found = 0
  const figures = await waitAndServe()
  const left = (heapBytes() - before) / waiters
  const expected = variant === 'guarded' ? pools : 0
  if (found !== expected) throw new Error(`${found} findings, not one for each pool`)
  await lifeguard.close()
  return { ...figures, left }

  async function waitAndServe() {
    const before = heapBytes()
    const start = cpuMicros()
    const waiting = Array.from({ length: waiters }, (_, index) =>
      request(async () => {
        const client = await /** @type {import('pg').Pool} */ (all[index % pools]).connect()
        client.release()
      }),
    )
    const queueMicros = (cpuMicros() - start) / waiters
    const bytes = (heapBytes() - before) / waiters
    const sweepMillis = variant === 'bare' ? 0 : Math.min(...Array.from({ length: sweeps }, time.sweep))
    const turns = measureTurns()
    for (const client of holders) client.release()
    await Promise.all(waiting)
    const serveMicros = ((await turns.stop()).totalMillis * 1000) / waiters
    holders = await checkOut(all, each)
    return { queueMicros, serveMicros, sweepMillis, bytes }
  }
}
