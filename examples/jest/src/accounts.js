import { pool } from './database.js'

export async function balanceOf(id) {
  const client = await pool.connect()
  await client.query('BEGIN READ ONLY')
  const { rows } = await client.query('SELECT balance FROM accounts WHERE id = $1', [id])
  if (rows[0] === undefined) return undefined
  await client.query('COMMIT')
  client.release()
  return rows[0].balance
}
