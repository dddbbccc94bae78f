// @ts-check

/**
 * The watchdog of node-postgres' documentation, put in the place of `pool.connect`: it logs a client that is out for more
 * than 5 seconds, with its last query. See `getClient` in https://node-postgres.com/guides/project-structure.
 * @param {import('pg').Pool} pool
 * @param {{ withLine?: boolean }} [options] `withLine`: it also logs where the client was checked out.
 */
export function logLongCheckouts(pool, { withLine = false } = {}) {
  const connect = pool.connect.bind(pool)

  const getClient = async () => {
    const line = withLine ? new Error('It was checked out here').stack : ''
    const client = /** @type {any} */ (await connect())
    const query = client.query
    const release = client.release
    const timeout = setTimeout(() => {
      console.error('A client has been checked out for more than 5 seconds!')
      console.error(`The last executed query on this client was: ${client.lastQuery}`)
      if (withLine) console.error(line)
    }, 5000)
    client.query = (/** @type {any[]} */ ...args) => {
      client.lastQuery = args
      return query.apply(client, args)
    }
    client.release = () => {
      clearTimeout(timeout)
      client.query = query
      client.release = release
      return release.apply(client)
    }
    return client
  }

  // With a callback, it is `pool.query` that connects.
  pool.connect = /** @type {typeof pool.connect} */ (
    (/** @type {any} */ callback) => (callback === undefined ? getClient() : connect(callback))
  )
}

/**
 * Nothing but the stack of each caller of `connect`, as short as it can be to have the caller's line: what no tool that
 * knows the line can do without.
 * @param {import('pg').Pool} pool
 */
export function recordStacks(pool) {
  const connect = pool.connect
  const latest = { stack: new Error() }
  pool.connect = /** @type {typeof pool.connect} */ (
    /** @this {unknown} @param {any[]} args */
    function (...args) {
      if (args.length === 0) {
        const depth = Error.stackTraceLimit
        Error.stackTraceLimit = 2
        latest.stack = new Error()
        Error.stackTraceLimit = depth
      }
      return Reflect.apply(connect, this, args)
    }
  )
  return latest
}
