import pg from 'pg'
import { beforeAll, describe, expect, it } from 'vitest'
import { drivers, expectSameAsBare, failureOf } from '../support/bare-twin.ts'
import { useDatabase } from '../support/database.ts'

const db = useDatabase()

beforeAll(async () => {
  await db.query("INSERT INTO items (note) VALUES ('one'), ('two'), ('three')")
})

type Querying = Pick<pg.ClientBase, 'query'>

/** What a result shows; `fields` carries parsers that differ from connection to connection. */
const shown = ({ command, rowCount, rows, fields }: pg.QueryResult) => ({
  command,
  rowCount,
  rows,
  fields: fields.map(({ name, dataTypeID, format }) => ({ name, dataTypeID, format })),
})

const shownError = (error: unknown) => {
  const { name, message, ...rest } = error as Error & Record<string, unknown>
  return { name, message, ...rest }
}

type Callback = (error: Error | null | undefined, result: pg.QueryResult) => void

type Shapes<Host> = Record<string, (host: Host) => Promise<unknown>>

/** Every way to send a statement; each returns what the application sees of the answer. */
const shapes: Shapes<Querying> = {
  'a text': async (q) => shown(await q.query('SELECT id, note FROM items ORDER BY id')),
  'a text with values': async (q) => shown(await q.query('SELECT $1::int + $2::int AS sum', [1, 2])),
  'a config object': async (q) => shown(await q.query({ text: 'SELECT $1::text AS given', values: ['x'] })),
  'a config object and values': async (q) =>
    shown(await q.query({ text: 'SELECT $1::text AS given' }, ['y'])),
  'rows as arrays': async (q) => shown(await q.query({ text: 'SELECT 1, 2', rowMode: 'array' })),
  'types of its own': async (q) => {
    const types = { getTypeParser: () => (value: unknown) => `raw ${value}` }
    return shown(await q.query({ text: 'SELECT 7 AS seven', types } as pg.QueryConfig))
  },
  'a named statement, twice': async (q) => {
    const statement = { name: 'find-item', text: 'SELECT note FROM items WHERE id = $1' }
    const first = await q.query({ ...statement, values: [1] })
    const second = await q.query({ ...statement, values: [2] })
    return [shown(first), shown(second)]
  },
  'several statements in one text': async (q) => {
    const results = (await q.query('SELECT 1 AS a; SELECT 2 AS b')) as unknown as pg.QueryResult[]
    return results.map(shown)
  },
  'a text that is empty': async (q) => shown(await q.query('')),
  'a text and a callback': (q) =>
    new Promise((resolve) => {
      const returned = called(q, 'SELECT 1 AS one', (error, result) =>
        resolve([returned, error, shown(result)]),
      )
    }),
  'a text, values and a callback': (q) =>
    new Promise((resolve) => {
      const returned = called(q, 'SELECT $1::int AS given', [4], (error, result) =>
        resolve([returned, error, shown(result)]),
      )
    }),
  'a statement that fails': async (q) => shownError(await failureOf(() => q.query('SELECT nonsense'))),
  'a statement that fails in a callback': (q) =>
    new Promise((resolve) => {
      const returned = called(q, 'SELECT 1/0', (error, result) =>
        resolve([returned, shownError(error), result]),
      )
    }),
  'values that are no array': async (q) =>
    shownError(await failureOf(() => q.query('SELECT 1', 'none' as unknown as unknown[]))),
  'two statements under one name': async (q) => {
    await q.query({ name: 'same', text: 'SELECT 1' })
    return shownError(await failureOf(() => q.query({ name: 'same', text: 'SELECT 2' })))
  },
}

/** What older drivers do not know, or never answer. */
const recentShapes: Shapes<Querying> = {
  'a value that cannot be sent': async (q) =>
    shownError(await failureOf(() => q.query('SELECT $1::json', [{ big: 1n }]))),
  'a statement that takes longer than its query_timeout': async (q) => {
    const slow = { text: 'SELECT pg_sleep(0.15)', query_timeout: 10 } as pg.QueryConfig
    return shownError(await failureOf(() => q.query(slow)))
  },
}

function called(q: Querying, ...args: [string, ...unknown[], Callback]): unknown {
  return Reflect.apply(q.query as (...args: unknown[]) => unknown, q, args)
}

/** What only a client takes: `pool.query` hands its own callback on and loses the one in the config. */
const clientShapes: Shapes<pg.PoolClient> = {
  'a callback in the config': (client) =>
    new Promise((resolve) => {
      const config = {
        text: 'SELECT 1 AS one',
        callback: (error: Error | null, result: pg.QueryResult) => resolve([returned, error, shown(result)]),
      }
      const returned: unknown = client.query(config as pg.QueryConfig)
    }),
  'null instead of a statement': async (client) =>
    shownError(await failureOf(() => client.query(null as unknown as string))),
  'several statements sent at once': async (client) => {
    const order: string[] = []
    await Promise.all(
      ['first', 'second', 'third'].map((text) =>
        client.query('SELECT $1::text AS text', [text]).then(({ rows }) => order.push(rows[0].text)),
      ),
    )
    return order
  },
  'a callback that throws': async (client) => {
    // pg hands it to process.nextTick, and so to uncaughtException; the statement after it must run all the same.
    const thrown: unknown[] = []
    const listeners = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    process.once('uncaughtException', (error) => thrown.push(error.message))
    await new Promise<void>((resolve) => {
      called(client, 'SELECT 1', () => {
        resolve()
        throw new Error('in the callback')
      })
    })
    await client.query('SELECT 2')
    for (const listener of listeners) process.on('uncaughtException', listener)
    return thrown
  },
}

const recentClientShapes: Shapes<pg.PoolClient> = {
  'a callback that is none': async (client) =>
    shownError(await failureOf(() => client.query({ text: 'SELECT 1', callback: 'me' } as pg.QueryConfig))),
}

describe.each(drivers)('pg $version', ({ version, driver }) => {
  const open = () => new driver.Pool({ ...db.config, max: 1 })
  const recent = version === '8.23'
  const both = { ...shapes, ...(recent ? recentShapes : {}) }

  it.each(Object.entries(both))('answers pool.query of %s as the bare pool', async (_, send) => {
    const { observe, enforce } = await expectSameAsBare(open, async (pool) => {
      const answer = await send(pool)
      const next = shown(await pool.query('SELECT 3 AS three'))
      return { answer, next, total: pool.totalCount, idle: pool.idleCount }
    })
    expect([...observe.kinds(), ...enforce.kinds()]).toEqual([])
  })

  it.each(Object.entries({ ...both, ...clientShapes, ...(recent ? recentClientShapes : {}) }))(
    'answers client.query of %s as the bare client',
    async (name, send) => {
      const { observe, enforce } = await expectSameAsBare(open, async (pool) => {
        const client = await pool.connect()
        const answer = await send(client)
        // The driver gives up waiting, the server goes on: such a client must not go back.
        client.release(name.includes('query_timeout'))
        const next = shown(await pool.query('SELECT 3 AS three'))
        return { answer, next, total: pool.totalCount, idle: pool.idleCount }
      })
      expect([...observe.kinds(), ...enforce.kinds()]).toEqual([])
    },
  )

  it('gives submittables back as they are, with their events and their callback', async () => {
    const { observe, enforce } = await expectSameAsBare(open, async (pool) => {
      const client = await pool.connect()
      const events: unknown[] = []
      const query = new driver.Query('SELECT note FROM items ORDER BY id')
      query.on('row', (row) => events.push(row))
      const ended = new Promise<pg.QueryResult>((resolve) => query.on('end', resolve))
      const same = client.query(query) === query
      const { command } = await ended

      const failing = new driver.Query('SELECT nonsense')
      const failed = new Promise<Error>((resolve) => failing.on('error', resolve))
      client.query(failing)
      const { message } = await failed

      // Another than @types/pg says, `new Query` takes values and callback.
      const Query = driver.Query as unknown as new (...args: unknown[]) => pg.Query
      const answered = await new Promise((resolve) => {
        client.query(
          new Query('SELECT $1::int AS n', [5], (error: unknown, result: pg.QueryResult) =>
            resolve([error, result.rows]),
          ),
        )
      })
      client.release()
      return { events, same, command, message, answered }
    })
    expect([...observe.kinds(), ...enforce.kinds()]).toEqual([])
  })

  it('answers a function given to pool.query as the bare pool', async () => {
    await expectSameAsBare(open, async (pool) => {
      const query = pool.query as unknown as (callback: (error: Error) => void) => unknown
      return new Promise((resolve) => {
        const returned = query.call(pool, (error) => resolve([returned, shownError(error)]))
      })
    })
  })

  it('lets the stack of a failed statement lead to the line that sent it', async () => {
    await expectSameAsBare(open, async (pool) => {
      async function sendNonsense() {
        await pool.query('SELECT nonsense')
      }
      const { stack = '' } = await failureOf(sendNonsense)
      return stack.split('\n').filter((line) => line.includes('sendNonsense')).length > 0
    }).then(({ bare }) => expect(bare).toBe(true))
  })
})

it('hears notices and notifications as without a guard', async () => {
  const { observe, enforce } = await expectSameAsBare(
    () => new pg.Pool({ ...db.config, max: 1 }),
    async (pool) => {
      const client = await pool.connect()
      const heard: unknown[] = []
      client.on('notice', ({ message }) => heard.push(message))
      const notified = new Promise((resolve) => client.on('notification', resolve))
      await client.query("DO $$ BEGIN RAISE NOTICE 'look here'; END $$")
      await client.query('LISTEN events')
      await client.query("NOTIFY events, 'payload'")
      heard.push(await notified.then((message) => (message as pg.Notification).payload))
      await client.query('UNLISTEN events')
      client.removeAllListeners('notice')
      client.release()
      return heard
    },
  )
  expect([...observe.kinds(), ...enforce.kinds()]).toEqual([])
})

it('tells a client released after query_timeout while the server is still at work', async () => {
  const { observe, enforce } = await expectSameAsBare(
    () => new pg.Pool({ ...db.config, max: 1 }),
    async (pool) => {
      const client = await pool.connect()
      const slow = { text: 'SELECT pg_sleep(0.15)', query_timeout: 10 } as pg.QueryConfig
      const { message } = await failureOf(() => client.query(slow).finally(() => client.release()))
      return [message, (await pool.query('SELECT 1 AS one')).rows]
    },
  )
  expect(observe.kinds()).toEqual(['busy-release'])
  expect(enforce.findings).toMatchObject([{ kind: 'busy-release', outcome: 'destroyed' }])
})
