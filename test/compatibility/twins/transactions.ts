import { codeOf, inTransaction, one, type Twin, withClient } from './twin.ts'

const swallowed = (work: Promise<unknown>) => work.catch(() => {})

/** Transactions that are left open, or lost. */
export const transactions: readonly Twin[] = [
  {
    name: 'a release between BEGIN and COMMIT',
    leak: 'dirty-release',
    wrong: ({ pool }) => withClient(pool, (client) => client.query('BEGIN')),
    right: ({ pool }) => inTransaction(pool, one),
  },
  {
    name: 'START TRANSACTION, END and ABORT',
    leak: 'dirty-release',
    wrong: ({ pool }) => withClient(pool, (client) => client.query('START TRANSACTION READ ONLY')),
    right: ({ pool }) =>
      withClient(pool, async (client) => {
        await client.query('START TRANSACTION READ ONLY')
        const result = await one(client)
        await client.query('END')
        await client.query('BEGIN')
        await client.query('ABORT')
        return result
      }),
  },
  {
    name: 'a release of a failed transaction',
    leak: 'dirty-release',
    wrong: ({ pool }) =>
      withClient(pool, async (client) => {
        await client.query('BEGIN')
        await client.query('SELECT 1/0')
      }),
    right: ({ pool }) => codeOf(() => inTransaction(pool, (client) => client.query('SELECT 1/0'))),
  },
  {
    name: 'a script that fails after its own BEGIN',
    leak: 'dirty-release',
    wrong: ({ pool }) =>
      withClient(pool, (client) => client.query("BEGIN; INSERT INTO items (note) VALUES ('a'); SELECT 1/0")),
    right: ({ pool }) =>
      codeOf(() =>
        withClient(pool, async (client) => {
          try {
            await client.query("BEGIN; INSERT INTO items (note) VALUES ('a'); SELECT 1/0; COMMIT")
          } catch (error) {
            await client.query('ROLLBACK')
            throw error
          }
        }),
      ),
  },
  {
    name: 'BEGIN through pool.query',
    leak: 'dirty-release',
    async wrong({ pool }) {
      await pool.query('BEGIN')
    },
    async right({ pool }) {
      const results = await pool.query("BEGIN; INSERT INTO items (note) VALUES ('script'); COMMIT")
      return (results as unknown as { command: string }[]).map(({ command }) => command)
    },
  },
  {
    name: 'a statement that nobody awaits before the release',
    leak: 'busy-release',
    wrong: ({ pool }) =>
      withClient(pool, async (client) => {
        void swallowed(client.query('SELECT pg_sleep(0.2)'))
      }),
    right: ({ pool }) => withClient(pool, one),
  },
  {
    name: 'a limit of the client on a statement',
    leak: 'busy-release',
    wrong: ({ pool }) =>
      withClient(pool, async (client) => {
        const slow = swallowed(client.query('SELECT pg_sleep(0.3)'))
        await Promise.race([slow, Promise.resolve('too slow')])
      }),
    right: ({ pool }) =>
      codeOf(() =>
        inTransaction(pool, async (client) => {
          await client.query("SET LOCAL statement_timeout = '20ms'")
          await client.query('SELECT pg_sleep(5)')
        }),
      ),
  },
  {
    name: 'an error that is swallowed before COMMIT',
    leak: 'lost-commit',
    wrong: ({ pool }) =>
      inTransaction(pool, async (client) => {
        await swallowed(client.query('SELECT 1/0'))
      }),
    right: ({ pool }) =>
      inTransaction(pool, async (client) => {
        await client.query('SAVEPOINT attempt')
        const code = await codeOf(() => client.query('SELECT 1/0'))
        await client.query('ROLLBACK TO attempt')
        await client.query('RELEASE attempt')
        return [code, await one(client)]
      }),
  },
  {
    name: 'a slow call inside a transaction',
    leak: 'idle-transaction',
    wrong: ({ pool, pass }) =>
      inTransaction(pool, async (client) => {
        await one(client)
        await pass(12_000)
      }),
    right: async ({ pool, pass }) => {
      await pass(12_000)
      return await inTransaction(pool, one)
    },
  },
  {
    name: 'a report in one transaction',
    leak: 'long-transaction',
    wrong: ({ pool, pass }) =>
      inTransaction(pool, async (client) => {
        for (let page = 0; page < 9; page += 1) {
          await one(client)
          await pass(8_000)
        }
      }),
    right: async ({ pool, pass }) => {
      const pages: unknown[] = []
      for (let page = 0; page < 9; page += 1) {
        pages.push(await inTransaction(pool, one))
        await pass(8_000)
      }
      return pages
    },
  },
  {
    name: 'a job that runs inside its claim',
    leak: 'idle-transaction',
    wrong: ({ pool, pass }) =>
      inTransaction(pool, async (client) => {
        await client.query('SELECT id FROM items ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED')
        await pass(12_000)
      }),
    right: async ({ pool, pass }) => {
      const claimed = await pool.query(
        "UPDATE items SET note = 'claimed' WHERE id = (SELECT min(id) FROM items) RETURNING note",
      )
      await pass(12_000)
      await pool.query("UPDATE items SET note = 'done' WHERE note = 'claimed'")
      return claimed.command
    },
  },
  {
    name: 'two-phase commit',
    leak: 'dirty-release',
    wrong: ({ pool }) =>
      withClient(pool, async (client) => {
        await client.query("BEGIN; INSERT INTO items (note) VALUES ('forgotten')")
      }),
    right: ({ pool }) =>
      withClient(pool, async (client) => {
        await client.query("BEGIN; INSERT INTO items (note) VALUES ('two phases')")
        const gid = `twin ${await pidOf(client)}`
        await client.query(`PREPARE TRANSACTION '${gid}'`)
        const { command } = await client.query(`COMMIT PREPARED '${gid}'`)
        return command
      }),
  },
  {
    name: 'a retry after a serialization failure',
    leak: 'dirty-release',
    wrong: ({ pool, sql }) =>
      withClient(pool, async (client) => {
        await swallowed(conflict(client, sql))
        await swallowed(client.query('BEGIN ISOLATION LEVEL REPEATABLE READ'))
      }),
    right: ({ pool, sql }) =>
      withClient(pool, async (client) => {
        const code = await codeOf(() => conflict(client, sql))
        await client.query('ROLLBACK')
        await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ')
        await client.query('UPDATE accounts SET balance = balance + 1 WHERE id = 1')
        await client.query('COMMIT')
        return code
      }),
  },
  {
    name: 'COMMIT AND CHAIN',
    leak: 'dirty-release',
    wrong: ({ pool }) =>
      withClient(pool, async (client) => {
        await client.query('BEGIN')
        await client.query('COMMIT AND CHAIN')
      }),
    right: ({ pool }) =>
      withClient(pool, async (client) => {
        await client.query('BEGIN')
        for (let batch = 0; batch < 3; batch += 1) await client.query('COMMIT AND CHAIN')
        return (await client.query('COMMIT')).command
      }),
  },
  {
    name: 'a transaction that outlives the answer on purpose',
    leak: 'outlived-scope',
    wrong: ({ pool, request, pass }) =>
      request(async () => {
        const client = await pool.connect()
        await client.query('BEGIN')
        const commit = pass(3_000).then(() => client.query('COMMIT'))
        void swallowed(commit.finally(() => client.release()))
      }),
    right: async ({ pool, lifeguard, request, pass }) => {
      let job: Promise<unknown> | undefined
      await request(async () => {
        job = lifeguard.detach(() =>
          lifeguard.runInScope({ kind: 'job', name: 'mails' }, () =>
            inTransaction(pool, async (client) => {
              await pass(3_000)
              return await one(client)
            }),
          ),
        )
      })
      return await job
    },
  },
  {
    name: 'lifeguard.transaction',
    leak: 'dirty-release',
    wrong: ({ pool }) =>
      withClient(pool, async (client) => {
        await client.query('BEGIN')
        await one(client)
      }),
    right: ({ pool, lifeguard }) => lifeguard.transaction(pool, one),
  },
  {
    name: 'a procedure that ends its transactions itself',
    leak: 'dirty-release',
    wrong: ({ pool }) =>
      withClient(pool, async (client) => {
        await client.query('BEGIN')
        await client.query('DO $$ BEGIN NULL; END $$')
      }),
    right: ({ pool }) =>
      withClient(pool, async (client) => {
        const block = 'DO $$ BEGIN FOR i IN 1..3 LOOP COMMIT; END LOOP; END $$'
        return (await client.query(block)).command
      }),
  },
]

async function pidOf(client: Parameters<typeof one>[0]): Promise<number> {
  return (await client.query('SELECT pg_backend_pid() AS pid')).rows[0].pid
}

/** Another session changes the row between the snapshot and the update. */
async function conflict(
  client: Parameters<typeof one>[0],
  sql: (text: string) => Promise<unknown>,
): Promise<void> {
  await sql('INSERT INTO accounts VALUES (1, 0) ON CONFLICT DO NOTHING')
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ')
  await client.query('SELECT balance FROM accounts')
  await sql('UPDATE accounts SET balance = balance + 1 WHERE id = 1')
  await client.query('UPDATE accounts SET balance = balance + 1 WHERE id = 1')
}
