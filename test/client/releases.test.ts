import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { abandonAfterTest, failureOf, guard, modes } from '../support/bare-twin.ts'
import { useDatabase } from '../support/database.ts'

const db = useDatabase()
const openPool = () => abandonAfterTest(new pg.Pool({ ...db.config, max: 1 }))
const alreadyReleased = 'Release called on client which has already been released to the pool.'

describe.each(modes)('in %s, a release', (mode) => {
  it('of an owner that has sent nothing passes on what a former one has left, and blames nobody else', async () => {
    const pool = openPool()
    const { kinds } = guard(pool, { mode: 'observe' })
    const dirty = await pool.connect()
    await dirty.query('BEGIN')
    dirty.release()
    const innocent = await pool.connect()
    innocent.release()
    expect(kinds()).toEqual(['dirty-release'])
  })

  it('with an error closes the connection and is no finding, whatever is open', async () => {
    const pool = openPool()
    const { kinds } = guard(pool, { mode })
    const client = await pool.connect()
    await client.query('BEGIN')
    client.release(new Error('the owner gives up'))
    expect(pool.totalCount).toBe(0)
    expect(kinds()).toEqual([])
  })

  it('throws when a remedy still holds the first one, as a second release of the pool does', async () => {
    const pool = openPool()
    const { kinds } = guard(pool, { mode: 'enforce' })
    const client = await pool.connect()
    await client.query('BEGIN')
    const { release } = client
    release()
    expect((await failureOf(() => release())).message).toBe(alreadyReleased)
    const next = await pool.connect()
    expect((await next.query('SELECT pg_current_xact_id_if_assigned() AS id')).rows).toEqual([{ id: null }])
    next.release()
    expect(kinds()).toEqual(expect.arrayContaining(['dirty-release', 'double-release']))
  })
})
