import { inTransaction, one, type pg, type Twin, withClient } from './twin.ts'

/** What the next owner of the session finds: nothing. */
async function stateOf(pool: pg.Pool): Promise<unknown> {
  const { rows } = await pool.query(
    "SELECT current_setting('app.tenant', true) AS tenant, current_user = session_user AS same",
  )
  return rows[0]
}

/** An owner that sends these statements, and releases. */
function leaves(name: string, wrong: string[], right: string[]): Twin {
  const send = (pool: pg.Pool, statements: string[]) =>
    withClient(pool, async (client) => {
      for (const statement of statements) await client.query(statement)
    })
  return {
    name,
    leak: 'session-state',
    wrong: ({ pool }) => send(pool, wrong),
    async right({ pool }) {
      await send(pool, right)
      return await stateOf(pool)
    },
  }
}

/** What owners leave in their sessions. */
export const sessions: readonly Twin[] = [
  leaves('SET', ["SET app.tenant = '7'"], ['BEGIN', "SET LOCAL app.tenant = '7'", 'COMMIT']),
  leaves('SET and RESET', ["SET app.tenant = '7'"], ["SET app.tenant = '7'", 'RESET app.tenant']),
  leaves(
    'set_config',
    ["SELECT set_config('app.tenant', '7', false)"],
    ['BEGIN', "SELECT set_config('app.tenant', '7', true)", 'COMMIT'],
  ),
  leaves(
    'SET that is rolled back',
    ['BEGIN', "SET app.tenant = '7'", 'COMMIT'],
    ['BEGIN', "SET app.tenant = '7'", 'ROLLBACK'],
  ),
  leaves('SET ROLE', ['SET ROLE pg_monitor'], ['SET ROLE pg_monitor', 'RESET ROLE']),
  leaves('search_path', ['SET search_path TO pg_catalog'], ['SET search_path TO pg_catalog', 'DISCARD ALL']),
  leaves('LISTEN', ['LISTEN orders'], ['LISTEN orders', 'UNLISTEN orders']),
  leaves('NOTIFY', ['LISTEN orders', 'NOTIFY orders'], ['NOTIFY orders']),
  leaves(
    'a temporary table',
    ['CREATE TEMPORARY TABLE batch (id int)'],
    ['BEGIN', 'CREATE TEMPORARY TABLE batch (id int) ON COMMIT DROP', 'COMMIT'],
  ),
  leaves('PREPARE', ['PREPARE p AS SELECT 1'], ['PREPARE p AS SELECT 1', 'EXECUTE p', 'DEALLOCATE p']),
  leaves(
    'a cursor WITH HOLD',
    ['DECLARE c CURSOR WITH HOLD FOR SELECT 1'],
    ['DECLARE c CURSOR WITH HOLD FOR SELECT 1', 'FETCH 1 FROM c', 'CLOSE c'],
  ),
  leaves(
    'an advisory lock',
    ['SELECT pg_advisory_lock(pg_backend_pid())'],
    ['SELECT pg_advisory_lock(pg_backend_pid())', 'SELECT pg_advisory_unlock(pg_backend_pid())'],
  ),
  leaves(
    'an advisory lock of a transaction',
    ['SELECT pg_advisory_lock(pg_backend_pid())'],
    ['BEGIN', 'SELECT pg_advisory_xact_lock(8)', 'COMMIT'],
  ),
  {
    name: 'a statement that the driver prepares under a name',
    leak: 'session-state',
    wrong: ({ pool }) => withClient(pool, (client) => client.query('PREPARE named AS SELECT 1')),
    async right({ pool }) {
      const statement = { name: 'twin', text: 'SELECT $1::int AS n' }
      const results = [await pool.query({ ...statement, values: [1] })]
      results.push(await withClient(pool, (client) => client.query({ ...statement, values: [2] })))
      return results.map(({ rows }) => rows)
    },
  },
  {
    name: 'a session that is set up by a listener of the pool',
    leak: 'session-state',
    async wrong({ pool }) {
      await withClient(pool, (client) => client.query("SET app.tenant = 'request'"))
    },
    async right({ pool }) {
      pool.on('connect', (client) => void client.query("SET app.tenant = 'all'"))
      await withClient(pool, one)
      await inTransaction(pool, one)
      return await stateOf(pool)
    },
  },
  {
    name: 'a migration at the start',
    leak: 'session-state',
    wrong: ({ pool }) =>
      withClient(pool, async (client) => {
        await client.query('SELECT pg_advisory_lock(pg_backend_pid())')
        await client.query('CREATE TABLE IF NOT EXISTS migrated (id int)')
      }),
    right: ({ pool }) =>
      withClient(pool, async (client) => {
        await client.query('SELECT pg_advisory_lock(pg_backend_pid())')
        try {
          await client.query('BEGIN')
          await client.query('CREATE TABLE IF NOT EXISTS migrated (id int)')
          await client.query('ALTER TABLE migrated ADD COLUMN IF NOT EXISTS note text')
          await client.query('COMMIT')
          await client.query('CREATE INDEX CONCURRENTLY IF NOT EXISTS migrated_id ON migrated (id)')
          return 'migrated'
        } finally {
          await client.query('SELECT pg_advisory_unlock(pg_backend_pid())')
        }
      }),
  },
  {
    name: 'a lock that is only tried',
    leak: 'session-state',
    wrong: ({ pool }) =>
      withClient(pool, (client) => client.query('SELECT pg_try_advisory_lock(pg_backend_pid())')),
    right: ({ pool, other }) =>
      withClient(other(), async (holder) => {
        await holder.query('SELECT pg_advisory_lock(5)')
        const tried = await withClient(pool, (client) =>
          client.query('SELECT pg_try_advisory_lock(5) AS got'),
        )
        await holder.query('SELECT pg_advisory_unlock(5)')
        return tried.rows
      }),
  },
]
