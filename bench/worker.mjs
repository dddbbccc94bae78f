// @ts-check
// One program under one variant in a process of its own, which does a piece of work whenever it is asked for one and says
// what it took.

import { checkout, transaction } from './operations.mjs'
import { collectYoungGarbage, cpuMicros, heapBytes } from './resources.mjs'
import { leastOfTurn } from './turn.mjs'
import { variants } from './variants.mjs'
import { statementsDuring } from './wire.mjs'
import { workloads } from './workloads.mjs'

/**
 * @typedef {keyof typeof workloads} WorkloadName
 * @typedef {keyof typeof variants} VariantName
 * @typedef {{ warmUp: string, turns: number }} WarmUp The name of a row.
 * @typedef {{ time: string }} Time One turn.
 * @typedef {'begin' | 'end' | 'collect'} Meter CPU microseconds around requests from outside, and of their garbage.
 * @typedef {{ heap: number }} Heap Bytes per checkout after so many of them.
 * @typedef {{ verify: readonly string[] }} Verify That the variant and these rows are what they claim to be.
 * @typedef {WarmUp | Time | Meter | Heap | Verify} Request
 */

const [variantName, workloadName] = /** @type {[VariantName, WorkloadName]} */ (process.argv.slice(2))
const variant = variants[variantName]
/** @type {import('./workloads.mjs').Workload} */
const workload = workloads[workloadName]
const guard = await variant.prepare()
// By the environment, because a command line, and with it a password, is there for everybody to read.
const subject = await workload.open(/** @type {string} */ (process.env.PGLIFEGUARD_TEST_URL), guard)
if (subject.pool !== undefined) await guard.settle?.(subject.pool)
let begunAt = 0

process.on('message', async (/** @type {Request} */ request) =>
  process.send?.({ answer: await answer(request) }),
)
process.on('disconnect', () => process.exit())
process.send?.({ answer: subject.url })

/** @param {Request} request */
async function answer(request) {
  if (request === 'begin') return begin()
  if (request === 'end') return end()
  if (request === 'collect') return collect()
  if ('warmUp' in request) return warmUp(request)
  if ('time' in request) return microsPerOperation(request.time)
  if ('heap' in request) return retainedBytes(request.heap)
  return verify(request.verify)
}

/** @param {WarmUp} request */
async function warmUp({ warmUp, turns }) {
  for (let done = 0; done < turns; done += 1) await microsPerOperation(warmUp)
}

/** @param {string} name */
async function microsPerOperation(name) {
  const row = rowOf(name)
  return leastOfTurn(row, {
    begin,
    end,
    collect,
    run: (count) => subject.run(name, count),
  })
}

function begin() {
  begunAt = cpuMicros()
}

function end() {
  return cpuMicros() - begunAt
}

function collect() {
  begin()
  collectYoungGarbage()
  return end()
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
  const { pool } = subject
  if (pool === undefined) throw new Error('there is no pool to check clients out of')
  for (let done = 1; done <= checkouts; done += 1) {
    if (done % 10 === 0) await transaction(pool, `SELECT ${done}`)
    else await checkout(pool)
  }
}

/** @param {readonly string[]} rows */
async function verify(rows) {
  for (const row of rows) await verifyRow(row)
  if (workload.isService) await verifyScope()
  await guard.verify(subject.pool)
}

/** @param {string} name */
async function verifyRow(name) {
  const { title, statements, callers = 1 } = rowOf(name)
  let waiting = 0
  const { texts, comments } = await statementsDuring(async () => {
    const done = subject.run(name, callers)
    waiting = subject.pool?.waitingCount ?? 0
    await done
  })
  // Those of several callers mix.
  const expected = Array.from({ length: callers }, () => statements).flat()
  if (callers > 1) for (const list of [texts, expected]) list.sort()
  const isExpected =
    variant.statements === 'more' && expected.length > 0
      ? texts.length > expected.length
      : String(texts) === String(expected)
  if (!isExpected) throw new Error(`${title}: sent ${texts.join(' | ')}`)
  // A statement of `pool.query` is sent without one.
  const mayHaveComment = statements.length > 1
  if (variant.statements === 'comments' && mayHaveComment && comments === 0)
    throw new Error(`${title}: no comments`)
  if (callers > 1 && waiting < callers / 2) throw new Error(`${title}: ${waiting} callers waited`)
}

/** The scope that a route runs in, which the service answers with. */
async function verifyScope() {
  const response = await fetch(subject.url ?? '')
  const { scope } = /** @type {{ scope?: string }} */ (await response.json())
  const expected = guard.scopeName === undefined ? undefined : 'GET /orders/:id'
  if (scope !== expected) throw new Error(`the route ran in the scope ${scope}, not ${expected}`)
}

/** @param {string} name
 *  @returns {import('./workloads.mjs').Row} */
function rowOf(name) {
  const row = workload.rows[name]
  if (row === undefined) throw new Error(`${workloadName} has no row ${name}`)
  return row
}
