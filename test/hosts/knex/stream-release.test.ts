import { once } from 'node:events'
import knexModule, { type Knex } from 'knex'
import pg from 'pg'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createLifeguard, type LifeguardOptions } from '../../../src/index.ts'
import { useDatabase } from '../../support/database.ts'

const db = useDatabase()

const ways = (['own pool', 'connectionPool'] as const).flatMap((pool) =>
  (['observe', 'enforce'] as const).flatMap((mode) =>
    (['raw', 'checked'] as const).map((handles) => ({ pool, mode, handles })),
  ),
)

function knexOn(pool: 'own pool' | 'connectionPool'): Knex {
  if (pool === 'own pool')
    return knexModule({ client: 'pg', connection: { ...db.config }, pool: { min: 0, max: 1 } })
  const connectionPool = new pg.Pool({ ...db.config, max: 1 })
  onTestFinished(() => connectionPool.end())
  return knexModule({ client: 'pg', connectionPool } as Knex.Config)
}

function watchKnex(knex: Knex, options: LifeguardOptions = {}) {
  const messages: string[] = []
  const lifeguard = createLifeguard({
    reporters: [{ finding() {}, resolved() {}, info: (message) => messages.push(message) }],
    ...options,
  })
  const kinds: string[] = []
  lifeguard.on('finding', ({ kind }) => kinds.push(kind))
  lifeguard.watch(knex, { name: 'main' })
  onTestFinished(async () => {
    await lifeguard.close()
    await knex.destroy()
  })
  return { lifeguard, kinds, faults: () => messages.filter((message) => message.includes('Knex')) }
}

/** The rows have come, and nobody has read them yet: Knex has released the client once. */
async function nextOwnerOf(knex: Knex) {
  const stream = knex.raw('SELECT 1').stream()
  const client = await knex.client.acquireConnection()
  return { stream, client }
}

describe('the second release of stream() of Knex', () => {
  it.each(ways)(
    'leaves the client to its next owner: $pool, $mode, $handles',
    async ({ pool, ...options }) => {
      const knex = knexOn(pool)
      const { lifeguard, kinds, faults } = watchKnex(knex, options)
      const { stream, client } = await nextOwnerOf(knex)
      await client.query('BEGIN')
      stream.resume()
      await once(stream, 'close')
      await client.query('SELECT 1')
      await client.query('COMMIT')
      expect(lifeguard.snapshot().checkouts).toHaveLength(1)
      let isOthers = false
      const waiting = knex.client.acquireConnection().then((other: unknown) => {
        isOthers = true
        return other
      })
      await client.query('SELECT 1')
      expect(isOthers).toBe(false)
      await knex.client.releaseConnection(client)
      await knex.client.releaseConnection(await waiting)
      expect(kinds).toEqual([])
      expect(lifeguard.snapshot().checkouts).toEqual([])
      expect(faults()).toEqual([
        expect.stringContaining('stream() a second time, while its next owner had it'),
      ])
    },
  )

  it('is told once', async () => {
    const knex = knexOn('own pool')
    const { faults } = watchKnex(knex)
    for (const _time of [1, 2]) {
      const { stream, client } = await nextOwnerOf(knex)
      stream.resume()
      await once(stream, 'close')
      await knex.client.releaseConnection(client)
    }
    expect(faults()).toHaveLength(1)
  })

  it('is known from the first release of the next stream', async () => {
    const knex = knexOn('own pool')
    const { kinds, lifeguard, faults } = watchKnex(knex)
    const first = knex.raw('SELECT 1').stream()
    const second = knex.raw('SELECT n FROM generate_series(1, 1000) AS n').stream()
    await once(second, 'readable')
    first.resume()
    await once(first, 'close')
    expect(lifeguard.snapshot().checkouts).toHaveLength(1)
    let rows = 0
    for await (const _row of second) rows += 1
    expect(rows).toBe(1000)
    expect(await knex.raw('SELECT 1')).toMatchObject({ rowCount: 1 })
    expect(lifeguard.snapshot().checkouts).toEqual([])
    expect(kinds).toEqual([])
    expect(faults()).toHaveLength(1)
  })

  it('is not told while nobody else has the client', async () => {
    const knex = knexOn('own pool')
    const { kinds, faults } = watchKnex(knex)
    for await (const _row of knex.raw('SELECT 1').stream());
    for await (const _row of knex.raw('SELECT n FROM generate_series(1, 1000) AS n').stream()) break
    await knex.raw('SELECT 1')
    expect(kinds).toEqual([])
    expect(faults()).toEqual([])
  })

  it('is passed on once the guard has been removed', async () => {
    const knex = knexOn('own pool')
    const { lifeguard } = watchKnex(knex)
    const stream = knex.raw('SELECT 1').stream()
    await once(stream, 'readable')
    await lifeguard.close()
    stream.resume()
    await once(stream, 'close')
    expect(Object.hasOwn(knex.client, 'runner')).toBe(false)
    expect(knex.client.pool.numUsed()).toBe(0)
  })
})
