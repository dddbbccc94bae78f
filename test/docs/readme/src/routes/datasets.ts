import { pool } from '../database.ts'

export async function findDataset(id: string) {
  const client = await pool.connect()
  await client.query('BEGIN READ ONLY')
  const dataset = await client.query('SELECT id, name FROM datasets WHERE id = $1', [id])
  if (dataset.rowCount === 0) return undefined
  const runs = await client.query('SELECT id, score FROM runs WHERE dataset_id = $1', [id])
  await client.query('COMMIT')
  client.release()
  return { ...dataset.rows[0], runs: runs.rows }
}
