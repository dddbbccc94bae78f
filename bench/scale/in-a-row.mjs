// @ts-check
import { createLifeguard } from 'pg-lifeguard'
import { heapBytes } from '../resources.mjs'
import { differentLines } from './lines.mjs'
import { offlinePools, watchAll } from './pools.mjs'

const [first, last] = [100_000, 1_000_000]
const lines = 5000

/**
 * Checkouts one after the other, with different lines, scopes and texts, half of them with a transaction: how much of each
 * of the later ones is left on the heap.
 *
 * @param {'bare' | 'guarded'} variant
 */
export async function measureInARow(variant) {
  const lifeguard = createLifeguard({ reporters: [] })
  const all = offlinePools(10, 10)
  if (variant === 'guarded') watchAll(lifeguard, all)
  const routes = await differentLines(lines)
  let done = 0
  for (; done < first; done += 1) await checkOut(done)
  const before = heapBytes()
  for (; done < last; done += 1) await checkOut(done)
  const left = (heapBytes() - before) / (last - first)
  const { checkouts, findings } = lifeguard.snapshot()
  if (checkouts.length + findings.length > 0)
    throw new Error('correct code was reported, or a checkout is left')
  await lifeguard.close()
  return { left }

  /** @param {number} n */
  async function checkOut(n) {
    const pool = /** @type {import('pg').Pool} */ (all[n % all.length])
    const route = /** @type {import('./lines.mjs').Route} */ (routes[n % lines])
    const work = async () => {
      const client = await route(pool)
      if (n % 2 === 0) await client.query('BEGIN')
      await client.query(`SELECT ${n}`)
      if (n % 2 === 0) await client.query('COMMIT')
      client.release()
    }
    if (variant === 'bare') await work()
    else await lifeguard.runInScope({ kind: 'request', name: `GET /${n}`, id: String(n) }, work)
  }
}
