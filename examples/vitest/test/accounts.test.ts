import { afterAll, beforeAll, expect, test } from 'vitest'
import { balanceOf } from '../src/accounts.ts'
import { pool } from '../src/database.ts'

beforeAll(async () => {
  await pool.query('INSERT INTO accounts (id, balance) VALUES (1, 100) ON CONFLICT DO NOTHING')
})
afterAll(() => pool.end())

test('an account has a balance', async () => {
  expect(await balanceOf(1)).toBe(100)
})

test('an unknown account has no balance', async () => {
  expect(await balanceOf(2)).toBeUndefined()
})
