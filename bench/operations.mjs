// @ts-check
// Plain JavaScript, like the worker and the variants: what is measured runs in a bare node, without a loader's hooks.

/**
 * @typedef {import('pg').Pool} Pool
 * @typedef {object} Operation
 * @property {string} title
 * @property {number} batch How many are timed at a time. Few: a batch that nothing interrupts is the one that counts.
 * @property {number} [batches] So many of them make a turn, of some 100 ms; 20 by default.
 * @property {readonly string[]} statements What one of them sends to the server.
 * @property {number} [callers] How many run at the same time; the rest of the batch waits for them.
 * @property {(pool: Pool, count: number) => Promise<void>} run
 */

/** As many callers as make a pool of ten the bottleneck. */
const callers = 64

/** As deep as a handler is called by a router with some middleware before it. */
const routerDepth = 20

const smallest = ['BEGIN', 'SELECT 1', 'COMMIT']
const twenty = Array.from({ length: 20 }, (_, index) => `SELECT ${index + 1}`)

/** @satisfies {Record<string, Operation>} */
export const operations = {
  query: {
    title: "`pool.query('SELECT 1')`",
    batch: 50,
    statements: ['SELECT 1'],
    run: (pool, count) => inTurn(count, () => pool.query('SELECT 1')),
  },
  contended: {
    title: `\`pool.query\`, ${callers} callers at once`,
    batch: callers,
    batches: 15,
    statements: ['SELECT 1'],
    callers,
    run: (pool, count) => atOnce(count, () => pool.query('SELECT 1')),
  },
  transaction: {
    title: 'smallest transaction',
    batch: 20,
    statements: smallest,
    run: (pool, count) => inTurn(count, () => transaction(pool)),
  },
  contendedTransaction: {
    title: `smallest transaction, ${callers} callers at once`,
    batch: callers,
    batches: 8,
    statements: smallest,
    callers,
    run: (pool, count) => atOnce(count, () => transaction(pool)),
  },
  deepTransaction: {
    title: `smallest transaction, ${routerDepth} calls deeper`,
    batch: 20,
    statements: smallest,
    run: (pool, count) => inTurn(count, () => calledFrom(routerDepth, () => transaction(pool))),
  },
  longTransaction: {
    title: `transaction of ${twenty.length} queries`,
    batch: 4,
    statements: ['BEGIN', ...twenty, 'COMMIT'],
    run: (pool, count) => inTurn(count, () => longTransaction(pool)),
  },
  checkout: {
    title: '`connect` + `release`',
    batch: 400,
    statements: [],
    run: (pool, count) => inTurn(count, () => checkout(pool)),
  },
  deepCheckout: {
    title: `\`connect\` + \`release\`, ${routerDepth} calls deeper`,
    batch: 400,
    statements: [],
    run: (pool, count) => inTurn(count, () => calledFrom(routerDepth, () => checkout(pool))),
  },
}

/** @param {Pool} pool */
export async function checkout(pool) {
  const client = await pool.connect()
  client.release()
}

/** @param {Pool} pool
 *  @param {string} [statement] */
export async function transaction(pool, statement = 'SELECT 1') {
  const client = await pool.connect()
  try {
    await client.query('BEGIN')
    await client.query(statement)
    await client.query('COMMIT')
  } finally {
    client.release()
  }
}

/** @param {Pool} pool */
async function longTransaction(pool) {
  const client = await pool.connect()
  try {
    await client.query('BEGIN')
    for (const statement of twenty) await client.query(statement)
    await client.query('COMMIT')
  } finally {
    client.release()
  }
}

/** @param {number} count
 *  @param {() => Promise<unknown>} operation */
export async function inTurn(count, operation) {
  for (let done = 0; done < count; done += 1) await operation()
}

/** Each caller begins its next one when it has the result of the one before.
 *  @param {number} count
 *  @param {() => Promise<unknown>} operation */
async function atOnce(count, operation) {
  await Promise.all(Array.from({ length: callers }, () => inTurn(count / callers, operation)))
}

/**
 * Recursive, because V8 does not inline that: each call stays a frame of its own.
 * @template Result
 * @param {number} depth
 * @param {() => Result} work
 * @returns {Result}
 */
function calledFrom(depth, work) {
  return depth === 0 ? work() : calledFrom(depth - 1, work)
}
