import pg from 'pg'
import { expect, it, onTestFinished } from 'vitest'
import { queryFrozen } from '../../src/postgres/query-client.ts'
import { useDatabase } from '../support/database.ts'

const db = useDatabase()

it('reads the same whatever type parsers the client has, and freezes all of it', async () => {
  const types = { getTypeParser: () => (value: string) => value } as unknown as pg.CustomTypesConfig
  const client = new pg.Client({ ...db.config, types })
  await client.connect()
  onTestFinished(() => client.end())
  const value = await queryFrozen<{ list: number[] }>(client, `SELECT '{"list": [1]}'::json::text`)
  expect(value).toEqual({ list: [1] })
  expect([Object.isFrozen(value), Object.isFrozen(value.list)]).toEqual([true, true])
})

it('rejects what is no text', async () => {
  await expect(queryFrozen(db, 'SELECT 1')).rejects.toThrow('a row with text was expected, got number')
  await expect(queryFrozen(db, 'SELECT WHERE false')).rejects.toThrow('got undefined')
})
