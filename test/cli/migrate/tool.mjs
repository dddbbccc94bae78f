// A migration tool at its smallest: runs the statements that it is given, one after the other, and fails with the first.
import pg from 'pg'

const client = new pg.Client()
client.on('error', () => {})
try {
  await client.connect()
  for (const statement of process.argv.slice(2)) await client.query(statement)
  console.log('done')
} catch (error) {
  console.error(`tool: ${error.message}`)
  process.exitCode = 1
} finally {
  await client.end().catch(() => {})
}
