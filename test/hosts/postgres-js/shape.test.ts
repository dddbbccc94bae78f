import { expect, it } from 'vitest'
import { isPostgresJs, isSqlOfOne } from '../../../src/hosts/postgres-js/shape.ts'
import { ToyDriver } from './toy-driver.ts'

it('recognises the sql of postgres.js, and tells it from that of one transaction', async () => {
  const { sql } = new ToyDriver()
  expect(isPostgresJs(sql)).toBe(true)
  const reserved = await sql.reserve()
  expect(isPostgresJs(reserved)).toBe(false)
  expect(isSqlOfOne(reserved)).toBe(true)
  for (const other of [undefined, null, {}, () => {}, { ...sql }]) expect(isPostgresJs(other)).toBe(false)
})
