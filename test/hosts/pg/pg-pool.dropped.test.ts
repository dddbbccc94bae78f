import pg from 'pg'
import { expect, it } from 'vitest'
import { useDatabase } from '../../support/database.ts'
import { eventually } from '../../support/eventually.ts'
import { guardedPool } from '../../support/guarded-pool.ts'

const db = useDatabase()

it("an owner past the guard may call the pool's own release after a remedy has taken its client", async () => {
  const pool = new pg.Pool({ ...db.config, max: 1 })
  const connect = pool.connect.bind(pool)
  const { clock, lifeguard, kinds } = guardedPool(
    {},
    { mode: 'enforce', remedies: { 'long-hold': 'destroy' }, limits: { holdMillis: 1_000 } },
    pool,
  )
  const client = await connect()
  // The pool's own: the guard does not know the client before its first statement.
  const { release } = client
  await client.query('SELECT 1')
  clock.advance(1_200)
  await eventually(() => expect(pool.totalCount).toBe(0))
  expect(() => release.call(client)).not.toThrow()
  expect(kinds()).toEqual(['long-hold'])
  const next = await pool.connect()
  await next.query('SELECT 1')
  next.release()
  expect(lifeguard.snapshot()).toMatchObject({ checkouts: [], pools: [{ total: 1, idle: 1 }] })
})
