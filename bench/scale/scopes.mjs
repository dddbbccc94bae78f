// @ts-check
import { createLifeguard } from 'pg-lifeguard'
import { cpuMicros, heapBytes } from '../resources.mjs'
import { offlinePools, patient, watchAll } from './pools.mjs'
import { stepClock } from './step-clock.mjs'
import { nextTurn } from './turns.mjs'

const scopes = 50_000
const pools = 100
const each = 10
const sweeps = 60
const warmUps = 2
/** One of so many holds a client. */
const perHolder = scopes / pools / each

/**
 * Scopes that are open at once; some hold a client.
 *
 * @param {'bare' | 'guarded'} variant
 */
export async function measureScopes(variant) {
  const time = stepClock()
  const lifeguard = createLifeguard({ limits: patient, clock: time.clock, reporters: [] })
  const all = offlinePools(pools, each)
  // In both variants: what a checkout costs is measured elsewhere.
  watchAll(lifeguard, all)
  const run = (/** @type {number} */ index, /** @type {() => Promise<void>} */ work) =>
    variant === 'bare'
      ? work()
      : lifeguard.runInScope({ kind: 'request', name: `GET /${index % 100}`, id: String(index) }, work)

  for (let done = 0; done < warmUps; done += 1) await openAndEnd()
  const before = heapBytes()
  const figures = await openAndEnd()
  const left = (heapBytes() - before) / scopes
  await lifeguard.close()
  return { ...figures, left }

  async function openAndEnd() {
    const { promise: end, resolve: endAll } = gate()
    const before = heapBytes()
    let start = cpuMicros()
    const running = Array.from({ length: scopes }, (_, index) => run(index, () => work(index, end)))
    let micros = cpuMicros() - start
    await nextTurn()
    const bytes = (heapBytes() - before) / scopes
    const sweepMillis = Math.min(...Array.from({ length: sweeps }, time.sweep))
    start = cpuMicros()
    endAll()
    await Promise.all(running)
    micros += cpuMicros() - start
    return { micros: micros / scopes, bytes, sweepMillis }
  }

  /** @param {number} index
   *  @param {Promise<void>} end */
  async function work(index, end) {
    if (index % perHolder !== 0) return end
    const client = await /** @type {import('pg').Pool} */ (all[(index / perHolder) % pools]).connect()
    await end
    client.release()
  }
}

function gate() {
  let resolve = () => {}
  /** @type {Promise<void>} */
  const promise = new Promise((settle) => {
    resolve = settle
  })
  return { promise, resolve: () => resolve() }
}
