// @ts-check
// One variant in a process of its own, which does a piece of work whenever it is asked for one and says what it took.

import { checkout, operations, transaction } from './operations.mjs'
import { collectYoungGarbage, cpuMicros, heapBytes } from './resources.mjs'
import { variants } from './variants.mjs'

/**
 * @typedef {keyof typeof operations} OperationName
 * @typedef {keyof typeof variants} VariantName
 * @typedef {{ warmUp: OperationName, batches: number }} WarmUp
 * @typedef {{ time: OperationName }} Time
 * @typedef {{ heap: number }} Heap Bytes per checkout after so many of them.
 * @typedef {'verify' | WarmUp | Time | Heap} Request
 */

const name = /** @type {VariantName} */ (process.argv[2])
// By the environment, because a command line, and with it a password, is there for everybody to read.
const { pool, verify } = await variants[name].prepare(
  /** @type {string} */ (process.env.PGLIFEGUARD_TEST_URL),
)

process.on('message', async (/** @type {Request} */ request) =>
  process.send?.({ answer: await answer(request) }),
)
process.on('disconnect', () => process.exit())
process.send?.({ answer: 'ready' })

/** @param {Request} request */
async function answer(request) {
  if (request === 'verify') return verify()
  if ('warmUp' in request) return warmUp(request)
  if ('time' in request) return microsPerOperation(operations[request.time])
  return retainedBytes(request.heap)
}

/** @param {WarmUp} request */
async function warmUp({ warmUp, batches }) {
  const { run, batch } = operations[warmUp]
  for (let done = 0; done < batches; done += 1) await run(pool, batch)
}

/** @param {import('./operations.mjs').Operation} operation */
async function microsPerOperation({ run, batch }) {
  // Garbage is paid for by the operation that made it, and by no other.
  collectYoungGarbage()
  const before = cpuMicros()
  await run(pool, batch)
  collectYoungGarbage()
  return (cpuMicros() - before) / batch
}

/** @param {number} checkouts */
async function retainedBytes(checkouts) {
  await work(checkouts / 10)
  const before = heapBytes()
  await work(checkouts)
  return (heapBytes() - before) / checkouts
}

/**
 * Every tenth checkout with a transaction, each with a statement not seen before: a cache keyed by text would show.
 * @param {number} checkouts
 */
async function work(checkouts) {
  for (let done = 1; done <= checkouts; done += 1) {
    if (done % 10 === 0) await transaction(pool, `SELECT ${done}`)
    else await checkout(pool)
  }
}
