import pg from 'pg'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createLifeguard, type PgPoolLike, WatchError } from '../../src/index.ts'
import { abandonAfterTest, failureOf } from '../support/bare-twin.ts'
import { useDatabase } from '../support/database.ts'

const db = useDatabase()
const openPool = (max = 2) => abandonAfterTest(new pg.Pool({ ...db.config, max }))

describe('watching what is not a pool', () => {
  const cases: [string, unknown, RegExp][] = [
    ['null', null, /expects a pg\.Pool .*got null/],
    ['undefined', undefined, /expects a pg\.Pool .*got undefined/],
    ['a string', 'postgres://localhost', /expects a pg\.Pool .*got "postgres/],
    ['a function', () => {}, /expects a pg\.Pool .*got function/],
    ['the class', pg.Pool, /expects a pg\.Pool .*got function/],
    ['an empty object', {}, /expects a pg\.Pool .*without connect and query/],
    ['an object without query', { connect() {} }, /expects a pg\.Pool .*without query/],
    ['an object without connect', { query() {} }, /expects a pg\.Pool .*without connect/],
    ['a client', new pg.Client(), /expects a pg\.Pool .*a Client.*looks like a client/],
  ]

  it.each(cases)('throws at %s and says what was expected', async (_, value, expected) => {
    const lifeguard = createLifeguard({ reporters: [] })
    onTestFinished(() => lifeguard.close())
    const error = await failureOf(() => lifeguard.watch(value as PgPoolLike))
    expect(error).toBeInstanceOf(WatchError)
    expect(error).toMatchObject({ code: 'LIFEGUARD_WATCH', message: expect.stringMatching(expected) })
    expect(lifeguard.snapshot().pools).toEqual([])
  })

  it('takes anything that has the shape of a pool', async () => {
    const inner = openPool()
    const shaped = {
      connect: inner.connect.bind(inner),
      query: inner.query.bind(inner),
    }
    const lifeguard = createLifeguard({ reporters: [] })
    onTestFinished(() => lifeguard.close())
    const unwatch = lifeguard.watch(shaped)
    const client = (await shaped.connect()) as pg.PoolClient
    expect(lifeguard.snapshot().checkouts).toHaveLength(1)
    client.release()
    expect(lifeguard.snapshot().checkouts).toEqual([])
    unwatch()
    expect(Object.keys(shaped)).toEqual(['connect', 'query'])
  })
})
