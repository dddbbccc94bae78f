import knexModule from 'knex'
import pg from 'pg'
import { expect, it, onTestFinished } from 'vitest'
import { isKnex, isTarnPool } from '../../../src/hosts/knex/shape.ts'

it('recognises an instance of Knex and its pool, and takes neither for the other', async () => {
  const knex = knexModule({ client: 'pg', connection: {}, pool: { min: 0, max: 1 } })
  onTestFinished(() => knex.destroy())
  expect(isKnex(knex)).toBe(true)
  expect(isTarnPool(knex.client.pool)).toBe(true)
  expect(isKnex(knex.client.pool)).toBe(false)
  expect(isTarnPool(knex)).toBe(false)
})

it('recognises nothing else', () => {
  for (const other of [undefined, null, 'pg', {}, () => {}, new pg.Pool(), new pg.Client()]) {
    expect(isKnex(other)).toBe(false)
    expect(isTarnPool(other)).toBe(false)
  }
})
