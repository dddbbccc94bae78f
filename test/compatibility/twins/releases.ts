import { codeOf, inTransaction, one, pg, type Twin, withClient } from './twin.ts'

/** Clients that are never given back. */
export const releases: readonly Twin[] = [
  {
    name: 'a statement that fails before the release',
    leak: 'outlived-scope',
    wrong: ({ pool, request }) =>
      request(async () => {
        const client = await pool.connect()
        await client.query('SELECT 1/0')
        client.release()
      }),
    right: ({ pool, request }) =>
      codeOf(() => request(() => withClient(pool, (client) => client.query('SELECT 1/0')))),
  },
  {
    name: 'an early return',
    leak: 'outlived-scope',
    wrong: ({ pool, request }) =>
      request(async () => {
        const client = await pool.connect()
        if ((await client.query('SELECT 1 WHERE false')).rowCount === 0) return 404
        client.release()
        return 200
      }),
    right: ({ pool, request }) =>
      request(() =>
        withClient(pool, async (client) => {
          if ((await client.query('SELECT 1 WHERE false')).rowCount === 0) return 404
          return 200
        }),
      ),
  },
  {
    name: 'a checkout that only opens the pool',
    leak: 'long-hold',
    wrong: async ({ pool, pass }) => {
      await pool.connect()
      await pass(31_000)
    },
    right: async ({ pool, pass }) => {
      const client = await pool.connect()
      client.release()
      await pass(31_000)
      return one(pool)
    },
  },
  {
    name: 'BEGIN that fails outside of try',
    leak: 'outlived-scope',
    wrong: ({ pool, request }) =>
      request(async () => {
        const client = await pool.connect()
        await client.query('BEGIN ISOLATION LEVEL none')
        try {
          await one(client)
        } finally {
          client.release()
        }
      }),
    right: ({ pool, request }) =>
      codeOf(() => request(() => withClient(pool, (client) => client.query('BEGIN ISOLATION LEVEL none')))),
  },
  {
    name: 'ROLLBACK that fails before the release',
    leak: 'outlived-scope',
    wrong: ({ pool, request }) =>
      request(async () => {
        const client = await pool.connect()
        try {
          await client.query('BEGIN')
          await client.query('SELECT 1/0')
        } catch {
          await client.query('ROLLBACK TO nowhere')
          client.release()
        }
      }),
    right: ({ pool, request }) =>
      request(async () => {
        const client = await pool.connect()
        try {
          await client.query('BEGIN')
          await client.query('SELECT 1/0')
          return 'fine'
        } catch (error) {
          await client.query('ROLLBACK TO nowhere').catch(() => client.query('ROLLBACK'))
          return (error as { code: unknown }).code
        } finally {
          client.release()
        }
      }),
  },
  {
    name: 'a release on end and not on error',
    leak: 'outlived-scope',
    wrong: ({ pool, request }) =>
      request(async () => {
        const client = await pool.connect()
        const query = client.query(new pg.Query('SELECT 1/0'))
        query.on('end', () => client.release())
        query.on('error', () => {})
      }),
    right: ({ pool, request }) =>
      request(async () => {
        const client = await pool.connect()
        const query = client.query(new pg.Query('SELECT 1/0'))
        return await new Promise((resolve) => {
          query.on('end', () => {
            client.release()
            resolve('end')
          })
          query.on('error', (error) => {
            client.release(error)
            resolve((error as { code?: unknown }).code)
          })
        })
      }),
  },
  {
    name: 'one field for two checkouts that overlap',
    leak: 'double-release',
    async wrong({ pool }) {
      let client: pg.PoolClient | undefined
      const use = async (connecting: Promise<pg.PoolClient>, other: Promise<unknown>) => {
        client = await connecting
        await other
        client.release()
      }
      const [first, second] = [pool.connect(), pool.connect()]
      await Promise.allSettled([use(first, second), use(second, first)])
    },
    right({ pool }) {
      return Promise.all([withClient(pool, one), withClient(pool, one)])
    },
  },
  {
    name: 'several checkouts at once of which one fails',
    leak: 'outlived-scope',
    wrong: ({ pool, request }) =>
      request(async () => {
        const [client] = await Promise.all([pool.connect(), Promise.reject(new Error('no token'))])
        client.release()
      }),
    right: ({ pool, request }) =>
      request(async () => {
        const results = await Promise.allSettled([pool.connect(), Promise.reject(new Error('no token'))])
        for (const result of results) {
          if (result.status === 'fulfilled') (result.value as pg.PoolClient).release()
        }
        return results.map(({ status }) => status)
      }),
  },
  {
    name: 'COMMIT, and no release',
    leak: 'outlived-scope',
    wrong: ({ pool, request }) =>
      request(async () => {
        const client = await pool.connect()
        await client.query('BEGIN')
        await client.query('COMMIT')
      }),
    right: ({ pool, request }) => request(() => inTransaction(pool, one)),
  },
  {
    name: 'client.end() in place of a release',
    leak: 'long-hold',
    async wrong({ pool }) {
      const client = await pool.connect()
      await one(client)
      await (client as unknown as pg.Client).end()
    },
    async right({ pool }) {
      const client = await pool.connect()
      const result = await one(client)
      client.release(true)
      return result
    },
  },
  {
    name: 'the error branch of a callback',
    leak: 'outlived-scope',
    wrong: ({ pool, request }) =>
      request(
        () =>
          new Promise((resolve, reject) => {
            pool.connect((_error, client, release) => {
              client?.query('SELECT 1/0', (error: Error | null) => {
                if (error) return reject(error)
                release()
                resolve(1)
              })
            })
          }),
      ),
    right: ({ pool, request }) =>
      request(
        () =>
          new Promise((resolve, reject) => {
            pool.connect((failed, client, release) => {
              if (failed || client === undefined) return reject(failed)
              client.query('SELECT 1/0', (error: Error & { code?: string }) => {
                release()
                resolve(error.code)
              })
            })
          }),
      ),
  },
  {
    name: 'a client that comes after its caller has given up',
    leak: 'outlived-scope',
    max: 1,
    wrong: async ({ pool, request }) => {
      const other = await pool.connect()
      await request(async () => {
        await Promise.race([pool.connect(), Promise.resolve('too late')])
      })
      other.release()
    },
    right: async ({ pool, request }) => {
      const other = await pool.connect()
      const result = await request(async () => {
        const connecting = pool.connect()
        void connecting.then((client) => client.release())
        return await Promise.race([connecting, Promise.resolve('too late')])
      })
      other.release()
      return result
    },
  },
  {
    name: 'lifeguard.session without using',
    leak: 'outlived-scope',
    wrong: ({ pool, lifeguard, request }) =>
      request(async () => {
        const session = await lifeguard.session(pool)
        await one(session.client)
      }),
    right: ({ pool, lifeguard, request }) =>
      request(async () => {
        await using session = await lifeguard.session(pool)
        return await one(session.client)
      }),
  },
  {
    name: 'a health check',
    leak: 'long-hold',
    async wrong({ pool, pass }) {
      const client = await pool.connect()
      await client.query('SELECT nothing').catch(() => {})
      await pass(31_000)
    },
    async right({ pool, pass }) {
      const client = await pool.connect()
      try {
        await client.query('SELECT nothing')
        client.release()
        return 'up'
      } catch (error) {
        client.release(error as Error)
        return (error as { code: unknown }).code
      } finally {
        await pass(31_000)
      }
    },
  },
  {
    name: 'a handler that is aborted',
    leak: 'outlived-scope',
    wrong: ({ pool, request }) =>
      request(async () => {
        const abort = new AbortController()
        const client = await pool.connect()
        abort.signal.addEventListener('abort', () => {})
        abort.abort()
        abort.signal.throwIfAborted()
        client.release()
      }),
    right: ({ pool, request }) =>
      request(async () => {
        const abort = new AbortController()
        return await withClient(pool, async (client) => {
          const running = one(client)
          abort.abort()
          await running
          return abort.signal.aborted
        })
      }),
  },
]
