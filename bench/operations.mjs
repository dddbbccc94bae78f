// @ts-check
// Plain JavaScript, like the worker and the variants: what is measured runs in a bare node, without a loader's hooks.

/**
 * @typedef {import('pg').Pool} Pool
 * @typedef {object} Operation
 * @property {string} title
 * @property {number} batch How many are timed at a time: some 20 ms of work on the bare pool, at least.
 * @property {(pool: Pool, count: number) => Promise<void>} run
 */

/** As many callers as make a pool of ten the bottleneck. */
const callers = 64

/** As deep as a handler is called by a router with some middleware before it. */
const routerDepth = 20

/** @satisfies {Record<string, Operation>} */
export const operations = {
  query: {
    title: "`pool.query('SELECT 1')`",
    batch: 1200,
    run: (pool, count) => inTurn(count, () => pool.query('SELECT 1')),
  },
  contended: {
    title: `\`pool.query\`, ${callers} at once`,
    batch: 20 * callers,
    run: async (pool, count) => {
      const caller = () => inTurn(count / callers, () => pool.query('SELECT 1'))
      await Promise.all(Array.from({ length: callers }, caller))
    },
  },
  transaction: {
    title: 'smallest transaction',
    batch: 600,
    run: (pool, count) => inTurn(count, () => transaction(pool)),
  },
  deepTransaction: {
    title: `smallest transaction, ${routerDepth} calls deeper`,
    batch: 600,
    run: (pool, count) => inTurn(count, () => calledFrom(routerDepth, () => transaction(pool))),
  },
  checkout: {
    title: '`connect` + `release`',
    batch: 5000,
    run: (pool, count) => inTurn(count, () => checkout(pool)),
  },
  deepCheckout: {
    title: `\`connect\` + \`release\`, ${routerDepth} calls deeper`,
    batch: 5000,
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

/** @param {number} count
 *  @param {() => Promise<unknown>} operation */
async function inTurn(count, operation) {
  for (let done = 0; done < count; done += 1) await operation()
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
