// @ts-check

/**
 * The watchdog of node-postgres' documentation, put in the place of `pool.connect`: it logs a client that is out for more
 * than 5 seconds, with its last query. See `getClient` in https://node-postgres.com/guides/project-structure.
 * @param {import('pg').Pool} pool
 */
export function logLongCheckouts(pool) {
  const connect = pool.connect.bind(pool)

  const getClient = async () => {
    const client = /** @type {any} */ (await connect())
    const query = client.query
    const release = client.release
    const timeout = setTimeout(() => {
      console.error('A client has been checked out for more than 5 seconds!')
      console.error(`The last executed query on this client was: ${client.lastQuery}`)
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
