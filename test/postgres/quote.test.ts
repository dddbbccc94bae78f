import { expect, it } from 'vitest'
import { quoteName, quoteText } from '../../src/postgres/quote.ts'
import { useDatabase } from '../support/database.ts'

const db = useDatabase()

const hostile = [
  'plain',
  'with space',
  'Upper',
  'a"b',
  "a'b",
  '\\',
  "\\'; DROP",
  '',
  'user',
  'e\u0301\u{1f600}',
]

it.each(hostile)('a text comes back as it was: %j', async (text) => {
  const { rows } = await db.query<{ text: string }>(`SELECT ${quoteText(text)} AS text`)
  expect(rows).toEqual([{ text }])
})

it.each(hostile.filter((name) => name !== ''))('a name comes back as it was: %j', async (name) => {
  const { fields } = await db.query(`SELECT 1 AS ${quoteName(name)}`)
  expect(fields[0]?.name).toBe(name)
})

it('quotes no name that needs it not', () => {
  expect(['shop', 'order_items2', 'user', 'Shop'].map(quoteName)).toEqual([
    'shop',
    'order_items2',
    '"user"',
    '"Shop"',
  ])
})
