import pg from 'pg'
import { expect, it } from 'vitest'
import { isPostgresPool } from '../../../src/hosts/postgres-pool/shape.ts'

/** In the manner of postgres-pool. */
const pool = {
  connect() {},
  query() {},
  end() {},
  drainIdleConnections() {},
  _createConnection() {},
  _removeConnection() {},
  connections: [],
  connectionQueue: [],
  idleConnections: [],
}

it('recognises a pool of postgres-pool by its methods and its lists', () => {
  expect(isPostgresPool(pool)).toBe(true)
  expect(isPostgresPool({ ...pool, connectionQueue: undefined })).toBe(false)
  expect(isPostgresPool({ ...pool, _createConnection: undefined })).toBe(false)
  for (const other of [undefined, null, 'pg', {}, () => {}, new pg.Pool()]) {
    expect(isPostgresPool(other)).toBe(false)
  }
})
