import type { EventEmitter } from 'node:events'
import pg from 'pg'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createLifeguard, WatchError } from '../../../src/index.ts'
import { abandonAfterTest, drivers, failureOf, guard } from '../../support/bare-twin.ts'
import { useDatabase } from '../../support/database.ts'
import { eventually } from '../../support/eventually.ts'
import { isFast } from '../../support/fast-object.ts'

const db = useDatabase()
const openPool = (max = 2) => abandonAfterTest(new pg.Pool({ ...db.config, max }))
const connectionOf = (client: pg.ClientBase) => (client as unknown as { connection: EventEmitter }).connection

/** All that a guard could have left on a pool or a client: properties of its own, and listeners. */
function traces(host: EventEmitter) {
  const listeners = (emitter: EventEmitter) =>
    Object.fromEntries(emitter.eventNames().map((event) => [event, emitter.listenerCount(event)]))
  return {
    names: Object.getOwnPropertyNames(host).sort(),
    symbols: Object.getOwnPropertySymbols(host).map(String).sort(),
    listeners: listeners(host),
    connection: 'connection' in host ? listeners(connectionOf(host as unknown as pg.ClientBase)) : {},
  }
}

/** Makes use of a pool in most ways, and gives its two clients back. */
async function use(pool: pg.Pool): Promise<pg.PoolClient[]> {
  const first = await pool.connect()
  const second = await pool.connect()
  await first.query('BEGIN')
  await failureOf(() => first.query('SELECT nonsense'))
  await first.query('ROLLBACK')
  first.release()
  second.release()
  await pool.query('SELECT 1')
  return [first, second]
}

const endings = [
  ['unwatch', ({ unwatch }: ReturnType<typeof guard>) => unwatch()],
  ['close', ({ lifeguard }: ReturnType<typeof guard>) => lifeguard.close()],
] as const

describe.each(drivers)('pg $version', ({ driver }) => {
  it.each(endings)('after %s pool and clients are as if they had never been guarded', async (_, end) => {
    const bare = abandonAfterTest(new driver.Pool({ ...db.config, max: 2 }))
    const bareClients = await use(bare)

    const pool = abandonAfterTest(new driver.Pool({ ...db.config, max: 2 }))
    const before = traces(pool)
    const guarded = guard(pool, { mode: 'enforce' })
    const clients = await use(pool)
    await end(guarded)

    expect(traces(pool)).toEqual(before)
    expect(traces(pool)).toEqual(traces(bare))
    expect(clients.map(traces)).toEqual(bareClients.map(traces))
    expect(pool.connect).toBe(driver.Pool.prototype.connect)
    expect(pool.query).toBe(driver.Pool.prototype.query)
    expect(pool.end).toBe(driver.Pool.prototype.end)
    for (const client of clients) expect(client.query).toBe(driver.Client.prototype.query)
    expect([pool, ...clients].filter((host) => !isFast(host))).toEqual([])
    expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
  })

  it.each(endings)('after %s checked-out clients have the release of pg itself', async (_, end) => {
    const pool = abandonAfterTest(new driver.Pool({ ...db.config, max: 2 }))
    const guarded = guard(pool)
    const client = await pool.connect()
    const bare = abandonAfterTest(new driver.Pool({ ...db.config, max: 2 }))
    const bareClient = await bare.connect()
    await end(guarded)

    expect(client.release.toString()).toBe(bareClient.release.toString())
    expect(traces(client)).toEqual(traces(bareClient))
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    client.release()
    expect(pool.idleCount).toBe(1)
    expect(() => client.release()).toThrow('already been released')
  })
})

it.each(endings)('after %s a release taken before still works, exactly once', async (_, end) => {
  const pool = openPool(1)
  const guarded = guard(pool)
  const { client, done } = await new Promise<{ client: pg.PoolClient; done: () => void }>((resolve, reject) =>
    pool.connect((error, connected, release) => {
      if (connected === undefined) reject(error)
      else resolve({ client: connected, done: release })
    }),
  )
  await client.query('SELECT 1')
  await end(guarded)
  done()
  expect(pool.idleCount).toBe(1)
  expect(() => done()).toThrow('Release called on client which has already been released to the pool.')
  expect(() => client.release()).toThrow('already been released')
  expect(pool.idleCount).toBe(1)
  expect(guarded.kinds()).toEqual([])
})

it.each(endings)('after %s callers that were waiting get bare clients', async (_, end) => {
  const bare = openPool(1)
  const bareClient = await bare.connect()
  const pool = openPool(2)
  const guarded = guard(pool, { mode: 'enforce' })
  const holder = await pool.connect()
  // Of these, one waits for a connection to be made and the rest for the holder.
  const connected = pool.connect()
  const byPromise = pool.connect()
  const byCallback = new Promise<pg.PoolClient>((resolve, reject) =>
    pool.connect((error, client) => (client === undefined ? reject(error) : resolve(client))),
  )
  const byQuery = pool.query('SELECT 3 AS three')
  await end(guarded)
  holder.release()
  for (const waiting of [connected, byPromise, byCallback]) {
    const client = await waiting
    expect(Object.hasOwn(client, 'query')).toBe(false)
    expect(client.release.toString()).toBe(bareClient.release.toString())
    // A client that was used before has properties of the driver's own that a new one has not.
    const { names, ...rest } = traces(client)
    expect({ ...rest, names }).toEqual({ ...traces(bareClient), names })
    await client.query('BEGIN')
    await client.query('ROLLBACK')
    client.release()
  }
  expect((await byQuery).rows).toEqual([{ three: 3 }])
  expect(guarded.kinds()).toEqual([])
  bareClient.release()
})

it('finds nothing any more after unwatch, on no clock', async () => {
  const pool = openPool()
  const { unwatch, clock, kinds, resolved, lifeguard } = guard(pool)
  const client = await pool.connect()
  await client.query('BEGIN')
  clock.advance(10_500)
  expect(kinds()).toEqual(['idle-transaction'])
  unwatch()
  clock.advance(600_000)
  client.release()
  expect(kinds()).toEqual(['idle-transaction'])
  // Nobody looks any more, so nobody can say that it has cleared.
  expect(resolved).toEqual([])
  expect(lifeguard.snapshot()).toMatchObject({
    pools: [],
    checkouts: [],
    findings: [{ kind: 'idle-transaction' }],
  })
  expect(lifeguard.snapshot().findings[0]).not.toHaveProperty('resolvedAt')
})

it('lets an owner whose transaction was rolled back find out, though the guard has gone', async () => {
  const pool = openPool(1)
  const { unwatch, clock, kinds } = guard(pool, { mode: 'enforce' })
  const client = await pool.connect()
  await client.query('BEGIN')
  clock.advance(10_010)
  await eventually(() => expect(kinds()).toEqual(['idle-transaction']))
  unwatch()
  // Bare from here on, it would run in autocommit.
  const late = await failureOf(() => client.query("INSERT INTO items (note) VALUES ('late')"))
  expect(late).toMatchObject({ code: 'LIFEGUARD_TRANSACTION_ROLLED_BACK' })
  await client.query('ROLLBACK')
  client.release()
  expect((await pool.query("SELECT * FROM items WHERE note = 'late'")).rows).toEqual([])
  const again = await pool.connect()
  expect(Object.hasOwn(again, 'query')).toBe(false)
  again.release()
})

it('goes from a client as soon as its owner has answered the remedy', async () => {
  const pool = openPool(1)
  const { unwatch, clock, kinds, resolved } = guard(pool, { mode: 'enforce' })
  const client = await pool.connect()
  const { release } = client
  await client.query('BEGIN')
  clock.advance(10_010)
  await eventually(() => expect(kinds()).toEqual(['idle-transaction']))
  unwatch()
  expect(Object.hasOwn(client, 'query')).toBe(true)
  await client.query('ROLLBACK')
  expect(resolved).toMatchObject([{ kind: 'idle-transaction', resolution: 'its owner sent ROLLBACK' }])
  expect(Object.hasOwn(client, 'query')).toBe(false)
  expect(connectionOf(client).listenerCount('readyForQuery')).toBe(1)

  await client.query('BEGIN')
  expect((await client.query('COMMIT')).command).toBe('COMMIT')
  client.on('error', () => {})
  await failureOf(() => client.query('SELECT pg_terminate_backend(pg_backend_pid())'))
  await eventually(() => expect(Reflect.get(client, '_ended')).toBe(true))
  expect(kinds()).toEqual(['idle-transaction'])
  release()
  expect(pool.totalCount).toBe(0)
  expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
})

describe('watching twice', () => {
  it('overrides once and returns an unwatch that is as good', async () => {
    const pool = openPool()
    const { connect, query } = pool
    const { lifeguard, unwatch, findings } = guard(pool, {}, 'first')
    const overridden = { connect: pool.connect, query: pool.query }
    const again = lifeguard.watch(pool, { name: 'second' })
    expect({ connect: pool.connect, query: pool.query }).toEqual(overridden)
    expect(lifeguard.snapshot().pools).toMatchObject([{ name: 'first' }])

    const client = await pool.connect()
    client.release()
    expect(() => client.release()).toThrow()
    expect(findings).toMatchObject([{ kind: 'double-release', pool: 'first' }])

    again()
    expect({ connect: pool.connect, query: pool.query }).toEqual({ connect, query })
    unwatch()
    again()
    expect({ connect: pool.connect, query: pool.query }).toEqual({ connect, query })
  })

  it('after unwatch guards anew, and an old unwatch does not end that', async () => {
    const pool = openPool()
    const { lifeguard, unwatch, kinds } = guard(pool)
    const kept = await pool.connect()
    unwatch()
    lifeguard.watch(pool)
    unwatch()
    const client = await pool.connect()
    await client.query('BEGIN')
    client.release()
    kept.release()
    expect(kinds()).toEqual(['dirty-release'])
  })

  it('by two lifeguards is refused until the first lets go', async () => {
    const pool = openPool()
    const first = guard(pool)
    const second = createLifeguard({ reporters: [] })
    onTestFinished(() => second.close())
    expect(() => second.watch(pool)).toThrow(WatchError)
    expect(() => second.watch(pool)).toThrow('watched by another lifeguard')
    first.unwatch()
    second.watch(pool)
    expect(() => first.lifeguard.watch(pool)).toThrow(WatchError)
    const client = await pool.connect()
    expect(second.snapshot().checkouts).toHaveLength(1)
    expect(first.lifeguard.snapshot().checkouts).toEqual([])
    client.release()
  })
})

it('does not undo what somebody else has put over the guard', async () => {
  const pool = openPool()
  const { unwatch, kinds } = guard(pool)
  const calls: string[] = []
  const { connect, query } = pool
  Object.assign(pool, {
    connect: (...args: unknown[]) => {
      calls.push('connect')
      return Reflect.apply(connect, pool, args)
    },
    query: (...args: unknown[]) => {
      calls.push('query')
      return Reflect.apply(query, pool, args)
    },
  })
  await pool.query('SELECT 1')
  const client = await pool.connect()
  client.release()
  unwatch()
  await pool.query('SELECT 1')
  const again = await pool.connect()
  expect(Object.hasOwn(again, 'query')).toBe(false)
  again.release()
  // pool.query calls connect itself.
  expect(calls).toEqual(['query', 'connect', 'connect', 'query', 'connect', 'connect'])
  expect(kinds()).toEqual([])
})
