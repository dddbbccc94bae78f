import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  contentsQuery,
  differences,
  isUntold,
  readContents,
  type SessionContents,
} from '../../../src/core/session-state/contents.ts'
import { describeItem } from '../../../src/core/session-state/item.ts'
import { createDatabase, type TestDatabase } from '../../support/database.ts'

let database: TestDatabase
let client: pg.Client

beforeAll(async () => {
  database = await createDatabase()
  client = new pg.Client(database.url)
  await client.connect()
})

afterAll(async () => {
  await client.end()
  await database.drop()
})

async function look(...settings: string[]): Promise<SessionContents> {
  const { rows } = await client.query({ text: contentsQuery(settings), rowMode: 'array' })
  return readContents(String(rows[0]?.[0]))
}

const names = (contents: SessionContents) => [...contents.values()].map(({ item }) => describeItem(item))

describe('what a session holds', () => {
  it('is nothing at first, everything that its owner has left then, and nothing again after DISCARD ALL', async () => {
    expect(names(await look('app.tenant'))).toEqual([])
    await client.query(`SET app.tenant = '7'; SET search_path TO pg_catalog; LISTEN "Orders";
      CREATE TEMP TABLE scratch (id int); PREPARE plan AS SELECT 1; SELECT pg_advisory_lock(1)`)
    await client.query('BEGIN; DECLARE c CURSOR WITH HOLD FOR SELECT 1; COMMIT')
    expect(names(await look('app.tenant')).toSorted()).toEqual(
      [
        'LISTEN Orders',
        'PREPARE plan',
        'an advisory lock',
        'app.tenant',
        'cursor c',
        'search_path',
        'temporary scratch',
      ].toSorted(),
    )
    await client.query('DISCARD ALL')
    expect(names(await look('app.tenant'))).toEqual([])
  })

  it('is asked for under names that need quoting, too', async () => {
    await expect(look("it's", 'a.b')).resolves.toBeDefined()
  })
})

describe('differences', () => {
  it('are what came, what went and what changed', async () => {
    await client.query('LISTEN a; LISTEN b; SET search_path TO one')
    const before = await look()
    await client.query('UNLISTEN a; LISTEN c; SET search_path TO two')
    const after = await look()
    await client.query('DISCARD ALL')
    expect(differences(before, after).map(describeItem).toSorted()).toEqual(
      ['LISTEN a', 'LISTEN c', 'search_path'].toSorted(),
    )
    expect(differences(after, after)).toEqual([])
  })
})

it('knows the settings whose value after RESET nobody knows', () => {
  expect(isUntold({ kind: 'setting', name: 'role' })).toBe(true)
  expect(isUntold({ kind: 'setting', name: 'app.tenant' })).toBe(true)
  expect(isUntold({ kind: 'setting', name: 'search_path' })).toBe(false)
  expect(isUntold({ kind: 'channel', name: 'a.b' })).toBe(false)
})
