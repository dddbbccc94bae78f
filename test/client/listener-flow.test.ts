import pg from 'pg'
import { describe, expect, it } from 'vitest'
import type { Reporter } from '../../src/index.ts'
import { abandonAfterTest, guard, modes } from '../support/bare-twin.ts'
import { useDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { hereLine } from '../support/guarded-pool.ts'

const db = useDatabase()
const openPool = () => abandonAfterTest(new pg.Pool({ ...db.config, max: 1 }))

function hearing() {
  const messages: string[] = []
  const reporter: Reporter = { finding() {}, info: (message) => messages.push(message) }
  return { messages, reporters: [reporter] }
}

describe.each(modes)('in %s, statements of a listener', (mode) => {
  it.each(['connect', 'acquire'] as const)(
    "of %s are no owner's: not in flight at a release, and not sent after it",
    async (event) => {
      const pool = openPool()
      const set: Promise<void>[] = []
      let line = 0
      pool.on(event, (client) => {
        const setUp = async () => {
          await client.query("SET TIME ZONE 'Europe/Berlin'")
          line = hereLine(1)
          await client.query('SELECT pg_sleep(0.02)')
        }
        set.push(setUp())
      })
      const { messages, reporters } = hearing()
      const { kinds } = guard(pool, { mode, reporters }, 'main')
      // A health check: it sends nothing.
      const client = await pool.connect()
      client.release()
      await Promise.all(set)
      expect(kinds()).toEqual([])
      const advice = messages.filter((message) => message.includes('onConnect'))
      expect(advice).toEqual([expect.stringContaining(`listener-flow.test.ts:${line}:`)])
    },
  )

  it("with callbacks, one in the other, are the listener's as well", async () => {
    const pool = openPool()
    const done = new Promise((resolve) => {
      pool.on('connect', (client) => {
        client.query('SELECT 1', () => client.query('SELECT 2', () => client.query('SELECT 3', resolve)))
      })
    })
    const { kinds } = guard(pool, { mode })
    const client = await pool.connect()
    client.release()
    await done
    expect(kinds()).toEqual([])
  })

  it('that return before the client goes out are worth no word', async () => {
    const pool = openPool()
    pool.on('connect', (client) => void client.query("SET TIME ZONE 'Europe/Berlin'"))
    const { messages, reporters } = hearing()
    const { kinds } = guard(pool, { mode, reporters })
    const client = await pool.connect()
    expect((await client.query('SHOW TIME ZONE')).rows).toEqual([{ TimeZone: 'Europe/Berlin' }])
    client.release()
    expect(kinds()).toEqual([])
    expect(messages.filter((message) => message.includes('onConnect'))).toEqual([])
  })

  it('do not hide what the owner itself leaves running', async () => {
    const pool = openPool()
    const ended: Promise<unknown>[] = []
    pool.on('connect', (client) => ended.push(client.query('SELECT 1').catch(() => {})))
    const { kinds } = guard(pool, { mode })
    const client = await pool.connect()
    ended.push(client.query('SELECT pg_sleep(0.05)').catch(() => {}))
    client.release()
    await eventually(() => expect(kinds()).toEqual(['busy-release']))
    await Promise.all(ended)
  })

  it('on a client that it has checked out itself are those of an owner', async () => {
    const pool = abandonAfterTest(new pg.Pool({ ...db.config, max: 2 }))
    let own: pg.PoolClient | undefined
    pool.once('connect', async () => {
      own = await pool.connect()
      await own.query('BEGIN')
    })
    const { lifeguard } = guard(pool, { mode })
    const client = await pool.connect()
    await eventually(() =>
      expect(lifeguard.snapshot().checkouts).toContainEqual(expect.objectContaining({ transaction: 'open' })),
    )
    await own?.query('ROLLBACK')
    own?.release()
    client.release()
  })

  it("go on behind the fence of a remedy, outside of the owner's transaction", async () => {
    const pool = openPool()
    let late: Promise<unknown> | undefined
    let go = () => {}
    const signal = new Promise<void>((resolve) => {
      go = resolve
    })
    pool.on('connect', (client) => {
      late = signal.then(() => client.query('SELECT pg_current_xact_id_if_assigned() IS NULL AS outside'))
    })
    const { clock, kinds } = guard(pool, { mode, limits: { idleTransactionMillis: 1_000 } })
    const client = await pool.connect()
    await client.query('BEGIN')
    await client.query('CREATE TEMPORARY TABLE mine (n int)')
    clock.advance(1_200)
    await eventually(() => expect(kinds()).toContain('idle-transaction'))
    go()
    expect(await late).toMatchObject({ rows: [{ outside: mode === 'enforce' }] })
    await client.query('ROLLBACK')
    client.release()
  })
})
