import { eventually } from '../../support/eventually.ts'
import { inTransaction, one, type pg, type Twin, withClient } from './twin.ts'

/** A latch that opens once, such as the end of a response. */
function latch(): { opened: Promise<void>; open: () => void } {
  let open = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { opened, open }
}

/** Waiting for oneself, clients that are known under two names, and the end of the process. */
export const waits: readonly Twin[] = [
  {
    name: 'pool.query inside a transaction',
    leak: 'pool-deadlock',
    max: 1,
    wrong: ({ pool, request }) => request(() => inTransaction(pool, () => pool.query('SELECT 1'))),
    right: ({ pool, request }) => request(() => inTransaction(pool, one)),
  },
  {
    name: 'transactions inside of each other',
    leak: 'nested-acquire',
    max: 2,
    async wrong({ pool, request }) {
      const other = await pool.connect()
      const outer = request(() => inTransaction(pool, () => inTransaction(pool, one)))
      return outer.finally(() => other.release())
    },
    right: ({ pool, request }) =>
      request(() =>
        inTransaction(pool, async (client) => {
          await client.query('SAVEPOINT inner_one')
          const result = await one(client)
          await client.query('RELEASE inner_one')
          return result
        }),
      ),
  },
  {
    name: 'many statements at once',
    leak: 'pool-exhausted',
    async wrong({ pool, pass }) {
      const held = [await pool.connect(), await pool.connect()]
      const waiting = pool.query('SELECT 1')
      await pass(6_000)
      for (const client of held) client.release()
      await waiting
    },
    right: ({ pool }) => Promise.all(Array.from({ length: 50 }, () => one(pool))),
  },
  {
    name: 'a release for each client of a loop',
    leak: 'pool-exhausted',
    async wrong({ pool, pass }) {
      const clients: pg.PoolClient[] = []
      const third = (async () => {
        for (let turn = 0; turn < 3; turn += 1) clients.push(await pool.connect())
      })()
      await eventually(() => {
        if (pool.waitingCount === 0) throw new Error('the third does not wait yet')
      })
      await pass(6_000)
      clients[0]?.release()
      await third
      for (const client of clients.slice(1)) client.release()
    },
    async right({ pool }) {
      const results: unknown[] = []
      for (let turn = 0; turn < 3; turn += 1) results.push(await withClient(pool, one))
      return results
    },
  },
  {
    name: 'a second release',
    leak: 'double-release',
    async wrong({ pool }) {
      const client = await pool.connect()
      try {
        await client.query('SELECT 1/0')
      } catch (error) {
        client.release(error as Error)
      } finally {
        client.release()
      }
    },
    async right({ pool }) {
      const client = await pool.connect()
      let failure: Error | undefined
      try {
        await client.query('SELECT 1/0')
      } catch (error) {
        failure = error as Error
      } finally {
        client.release(failure)
      }
      return one(pool)
    },
  },
  {
    name: 'a client that is kept for later',
    leak: 'use-after-release',
    async wrong({ pool }) {
      const client = await withClient(pool, async (given) => given)
      await client.query('SELECT 1')
    },
    right: ({ pool }) => withClient(pool, one),
  },
  {
    name: 'statements side by side of which one fails',
    leak: 'busy-release',
    wrong: ({ pool }) =>
      withClient(pool, async (client) => {
        const failing = client.query('SELECT 1/0')
        const sibling = client.query('SELECT pg_sleep(0.1)')
        sibling.catch(() => {})
        await Promise.all([failing, sibling])
      }),
    right: ({ pool }) =>
      withClient(pool, async (client) => {
        const all = [client.query('SELECT 1/0'), client.query('SELECT 2 AS two')]
        return (await Promise.allSettled(all)).map(({ status }) => status)
      }),
  },
  {
    name: 'pool.end() at SIGTERM',
    leak: 'blocked-shutdown',
    async wrong({ pool }) {
      await pool.connect()
      void pool.end()
    },
    async right({ other }) {
      const pool = other()
      const finished = latch()
      const request = withClient(pool, async (client) => {
        await finished.opened
        return await one(client)
      })
      const ended = pool.end()
      finished.open()
      await ended
      return await request
    },
  },
  {
    name: 'a client that listens',
    leak: 'long-hold',
    async wrong({ pool, pass }) {
      await one(await pool.connect())
      await pass(31_000)
    },
    async right({ pool, pass }) {
      const client = await pool.connect()
      await client.query('LISTEN news')
      for (let hour = 0; hour < 3; hour += 1) {
        await pass(3_600_000)
        await client.query('SELECT 1')
      }
      client.release(true)
    },
  },
  {
    name: 'a leader that holds an advisory lock',
    leak: 'long-hold',
    async wrong({ pool, pass }) {
      await (await pool.connect()).query('SELECT pg_advisory_lock(pg_backend_pid())')
      await pass(31_000)
    },
    async right({ pool, pass, lifeguard }) {
      const client = await pool.connect()
      lifeguard.exempt(client, 'leader election')
      await client.query('SELECT pg_advisory_lock(pg_backend_pid())')
      await pass(3_600_000)
      const result = await one(pool)
      await client.query('SELECT pg_advisory_unlock(pg_backend_pid())')
      client.release()
      return result
    },
  },
  {
    name: 'a long job',
    leak: 'long-hold',
    options: { exempt: [{ scope: 'nightly', reason: 'a long job' }] },
    wrong: ({ pool, pass, lifeguard }) =>
      lifeguard.runInScope({ kind: 'job', name: 'hourly' }, () =>
        withClient(pool, async (client) => {
          await one(client)
          await pass(40_000)
        }),
      ),
    right: ({ pool, pass, lifeguard }) =>
      lifeguard.runInScope({ kind: 'job', name: 'nightly' }, () =>
        inTransaction(pool, async (client) => {
          for (let batch = 0; batch < 5; batch += 1) {
            await client.query('SELECT 1 AS keepalive')
            await pass(40_000)
          }
          return await one(client)
        }),
      ),
  },
  {
    name: 'a pool for each tenant',
    leak: 'outlived-scope',
    wrong: ({ other, request }) =>
      request(async () => {
        await one(await other().connect())
      }),
    right: ({ pool, other, request }) => {
      const tenants = [pool, other()]
      return request(() =>
        inTransaction(pool, async (client) => [
          await one(client),
          ...(await Promise.all(tenants.map((tenant) => one(tenant)))),
        ]),
      )
    },
  },
]
