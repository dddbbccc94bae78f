import pg from 'pg'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { createLifeguard } from '../../src/index.ts'
import { leakCheck } from '../../src/testing/vitest.ts'
import { createDatabase, useDatabase } from './database.ts'
import { eventually } from './eventually.ts'

const db = useDatabase()
const other = useDatabase()

let early: unknown
try {
  void db.url
} catch (error) {
  early = error
}

const lifeguard = createLifeguard({ reporters: [] })
leakCheck(lifeguard, { unendedPools: 'fail' })

let pool: pg.Pool
beforeAll(() => {
  pool = new pg.Pool(db.config)
  lifeguard.watch(pool)
  pool.on('error', () => {})
})
afterAll(() => pool.end())

it('is empty and apart from every other', async () => {
  await pool.query("INSERT INTO items (note) VALUES ('here')")
  await pool.query('INSERT INTO accounts VALUES (1, 100)')
  expect((await db.query('SELECT id, note FROM items')).rows).toEqual([{ id: '1', note: 'here' }])
  expect((await other.query('SELECT * FROM items')).rows).toEqual([])
  expect((await other.query('SELECT * FROM accounts')).rows).toEqual([])
  expect(other.name).not.toBe(db.name)
  expect(new URL(db.url).pathname).toBe(`/${db.name}`)
})

it('answers questions asked at once one after the other', async () => {
  const numbers = await Promise.all([1, 2, 3].map((number) => db.query('SELECT $1::int AS number', [number])))
  expect(numbers.map(({ rows }) => rows[0]?.number)).toEqual([1, 2, 3])
  await expect(db.query('SELECT nonsense')).rejects.toThrow('nonsense')
  expect((await db.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
})

it('shows the sessions of its clients, not its own, and can end one', async () => {
  const client = await pool.connect()
  client.on('error', () => {})
  await client.query('BEGIN')
  const { rows } = await client.query('SELECT pg_backend_pid() AS pid')
  const pid: number = rows[0].pid

  const sessions = await db.sessions()
  expect(sessions.find((session) => session.pid === pid)).toMatchObject({
    state: 'idle in transaction',
    query: 'SELECT pg_backend_pid() AS pid',
    xact_start: expect.any(Date),
  })
  const { rows: own } = await db.query('SELECT pg_backend_pid() AS pid')
  expect(sessions.map((session) => session.pid)).not.toContain(own[0]?.pid)
  expect((await other.sessions()).map((session) => session.pid)).not.toContain(pid)

  expect(await db.terminate(pid)).toBe(true)
  expect((await db.sessions()).map((session) => session.pid)).not.toContain(pid)
  await expect(client.query('COMMIT')).rejects.toThrow()
  client.release(true)
})

it('is open to questions again after its own session was ended', async () => {
  const { rows } = await db.query('SELECT pg_backend_pid() AS pid')
  await other.query('SELECT pg_terminate_backend($1, 10000)', [rows[0]?.pid])
  await eventually(async () => expect((await db.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]))
})

it('is removed with the sessions that are still in it', async () => {
  const database = await createDatabase()
  const client = new pg.Client(database.url)
  const errors: Error[] = []
  client.on('error', (error) => errors.push(error))
  onTestFinished(() => client.end())
  await client.connect()
  await client.query('BEGIN')

  await database.drop()
  await eventually(() => expect(errors[0]).toMatchObject({ code: '57P01' }))
  await expect(new pg.Client(database.url).connect()).rejects.toMatchObject({ code: '3D000' })
  await database.drop()
})

it('says so when it is asked for before it is there', () => {
  expect(early).toMatchObject({ message: 'the database is there inside tests and hooks only' })
})
