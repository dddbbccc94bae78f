// @ts-check
import { consoleReporter, createLifeguard, jsonLinesReporter } from 'pg-lifeguard'
import { heapBytes } from '../resources.mjs'
import { differentLines } from './lines.mjs'
import { checkOut, offlinePools, patient, watchAll } from './pools.mjs'
import { stepClock } from './step-clock.mjs'
import { measureTurns, nextTurn } from './turns.mjs'

const pools = 100
const each = 100
const checkouts = pools * each
const lines = 1000
const limitMillis = 1000
/** How many resolved findings are kept. */
const mostResolved = 200
const nowhere = { write: () => true }

/** @typedef {import('pg-lifeguard').LifeguardOptions} LifeguardOptions
 *  @type {Record<'bare' | 'silent' | 'console' | 'json' | 'listener' | 'enforce', LifeguardOptions | undefined>} */
const variants = {
  bare: undefined,
  silent: {},
  console: { reporters: [consoleReporter({ stream: nowhere })] },
  json: { reporters: [jsonLinesReporter({ stream: nowhere })] },
  listener: {},
  enforce: { mode: 'enforce' },
}

/**
 * Transactions that are all idle for too long in the same sweep, from different lines and routes. `bare` sends ROLLBACK to
 * all of them in one loop, for comparison with `enforce`.
 *
 * @param {keyof typeof variants} name
 */
export async function measureBurst(name) {
  const options = variants[name]
  const time = stepClock()
  const limits = { ...patient, idleTransactionMillis: limitMillis }
  const lifeguard = createLifeguard({ limits, clock: time.clock, reporters: [], ...options })
  if (name === 'listener') lifeguard.on('finding', (finding) => JSON.stringify(finding))
  const all = offlinePools(pools, each)
  if (options !== undefined) watchAll(lifeguard, all)
  const routes = await differentLines(lines)
  const clients = await checkOut(all, each, (pool, index) => {
    const route = /** @type {import('./lines.mjs').Route} */ (routes[index % lines])
    return lifeguard.runInScope({ kind: 'request', name: `GET /${index % lines}` }, () => route(pool))
  })
  await Promise.all(clients.map((client) => client.query('BEGIN')))
  const before = heapBytes()

  const turns = measureTurns()
  if (options === undefined) await Promise.all(clients.map((client) => client.query('ROLLBACK')))
  else {
    const end = time.now() + 1.5 * limitMillis
    while (time.now() < end) {
      time.step()
      await nextTurn()
    }
  }
  const { longestMillis, totalMillis } = await turns.stop()
  const bytes = (heapBytes() - before) / checkouts
  check(lifeguard.snapshot().findings, name)

  // The transactions end: the findings resolve.
  if (name !== 'enforce') await Promise.all(clients.map((client) => client.query('ROLLBACK')))
  for (const client of clients) client.release()
  await nextTurn()
  const kept = lifeguard.snapshot().findings.length
  if (kept > mostResolved) throw new Error(`${kept} findings are kept`)
  await lifeguard.close()
  return { totalMillis, longestMillis, bytes }
}

/** @param {readonly import('pg-lifeguard').Finding[]} findings
 *  @param {keyof typeof variants} name */
function check(findings, name) {
  const done = findings.filter(({ outcome }) => outcome === 'rolled-back')
  const expected = [name === 'bare' ? 0 : checkouts, name === 'enforce' ? checkouts : 0]
  const counts = [findings.length, done.length]
  if (String(counts) !== String(expected)) throw new Error(`findings, remedies: ${counts}, not ${expected}`)
}
