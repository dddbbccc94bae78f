import pg from 'pg'
import { describe, expect, it, onTestFinished } from 'vitest'
import { blockingTree, serverSnapshot, terminateSession } from '../../src/postgres/index.ts'
import { eventually } from '../support/eventually.ts'
import { startOwnServer } from './sessions.ts'

async function open(url: string): Promise<pg.Client> {
  const client = new pg.Client(url)
  client.on('error', () => {})
  await client.connect()
  return client
}

describe('autovacuum', () => {
  it('is shown where it blocks, and never ended', async () => {
    await using server = await startOwnServer({
      autovacuum: 'on',
      autovacuum_naptime: '1s',
      autovacuum_vacuum_cost_delay: '100ms',
      autovacuum_vacuum_cost_limit: '1',
      // It gives way to whoever has waited for so long.
      deadlock_timeout: '1h',
    })
    const client = await open(server.url)
    onTestFinished(() => client.end().catch(() => {}))
    await client.query(`CREATE TABLE worn AS SELECT generate_series(1, 100000) AS n`)
    await client.query('DELETE FROM worn')
    const worker = await eventually(async () => {
      const { rows } = await client.query<{ pid: number; started: string }>(
        `SELECT pid, to_char(backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS started
           FROM pg_stat_activity WHERE backend_type = 'autovacuum worker' AND query LIKE '%worn%'`,
      )
      if (rows[0] === undefined) throw new Error('no worker yet')
      return rows[0]
    })
    const waiting = await open(server.url)
    const lock = waiting.query('ALTER TABLE worn ADD COLUMN more int').catch(() => {})
    const tree = await eventually(async () => {
      const found = blockingTree(await serverSnapshot(client))
      expect(found.roots).toHaveLength(1)
      return found
    })
    expect(tree.nodes[0]?.session).toMatchObject({ pid: worker.pid, backendType: 'autovacuum worker' })
    expect(await terminateSession(client, { pid: worker.pid, backendStart: worker.started })).toEqual({
      pid: worker.pid,
      outcome: 'denied',
      detail: 'it is not a client session: autovacuum worker',
    })
    await waiting.end()
    await lock
  })
})
