import pg from 'pg'
import Cursor from 'pg-cursor'
import { describe, expect, it } from 'vitest'
import type { LifeguardOptions } from '../../src/index.ts'
import { useDatabase } from '../support/database.ts'
import { guardedPool } from '../support/guarded-pool.ts'

const db = useDatabase()

function guarded(options: LifeguardOptions = {}, poolOptions: pg.PoolConfig = {}) {
  return guardedPool({ ...db.config, max: 1, ...poolOptions }, options)
}

/** Checks a client out, sends the statements and releases it. */
async function use(pool: pg.Pool, ...statements: string[]): Promise<void> {
  const client = await pool.connect()
  for (const statement of statements) await client.query(statement).catch(() => {})
  client.release()
}

const hidden = `DO $$ BEGIN PERFORM set_config('search_path', 'app', false); END $$`

describe('in enforce', () => {
  it('tells of it also where a transaction is left open that is not to be rolled back', async () => {
    const { pool, found } = guarded({ mode: 'enforce', remedies: { 'dirty-release': 'report' } })
    await use(pool, 'SET search_path TO app', 'BEGIN')
    expect(await found('session-state')).toMatchObject({ left: ['search_path'] })
  })
})

describe.each(['observe', 'enforce'] as const)('in %s', (mode) => {
  it('knows statements to which instrumentation has added a comment', async () => {
    class Commenting extends pg.Client {
      override query(...args: unknown[]): never {
        const [text, ...more] = args
        const commented = typeof text === 'string' ? `${text} /*traceparent='00-0'*/` : text
        return Reflect.apply(super.query, this, [commented, ...more]) as never
      }
    }
    const { pool, found } = guarded({ mode }, { Client: Commenting })
    await use(pool, 'SET search_path TO app')
    expect(await found('session-state')).toMatchObject({ left: ['search_path'] })
  })

  it('knows what a cursor has done', async () => {
    const { pool, found } = guarded({ mode })
    const client = await pool.connect()
    const cursor = client.query(new Cursor(`SELECT set_config('search_path', 'app', false)`))
    await cursor.read(10)
    await cursor.close()
    client.release()
    expect(await found('session-state')).toMatchObject({ left: ['search_path'] })
  })

  it('takes a literal of megabytes behind a SET as the driver does', async () => {
    const { pool } = guarded({ mode })
    const client = await pool.connect()
    await client.query('SET search_path TO app')
    const { rows } = await client.query(`SELECT length('${'x'.repeat(8 * 2 ** 20)}') AS length; SELECT 1`)
    expect(rows).toBeUndefined()
    client.release()
  })
})

describe.each(['observe', 'enforce'] as const)('with verify, in %s', (mode) => {
  const verified: LifeguardOptions = { mode, sessionState: { verify: true } }

  it('blames the statement of pool.query that left something, not the next owner', async () => {
    const { pool, findings, found } = guarded(verified)
    await use(pool, 'SELECT 1')
    await pool.query(hidden)
    await use(pool, 'SELECT 1')
    expect(await found('session-state')).toMatchObject({
      left: ['search_path'],
      checkout: { via: 'pool.query' },
    })
    expect(findings).toHaveLength(1)
  })

  it('does not blame the next owner for what was left where the server could not be asked', async () => {
    const options: LifeguardOptions = {
      ...verified,
      remedies: { 'dirty-release': 'report', 'session-state': 'report' },
    }
    const { pool, kinds, findings } = guarded(options)
    await use(pool, 'SELECT 1')
    await use(pool, hidden, 'BEGIN')
    await use(pool, 'COMMIT')
    await use(pool, 'SELECT 1')
    await pool.query('SELECT 1')
    expect(kinds()).toEqual(['dirty-release'])
    expect(findings[0]?.checkout.id).toBe(2)
  })
})

describe.each(['observe', 'enforce'] as const)(
  'where a text of several statements has failed, in %s',
  (mode) => {
    const text = 'BEGIN; SET search_path TO app; COMMIT; SELECT 1/0'

    it('nobody is accused without proof', async () => {
      const { pool, findings } = guarded({ mode })
      await use(pool, text.replace('COMMIT', 'SELECT 1/0; COMMIT'), 'ROLLBACK')
      await pool.query('SELECT 1')
      expect(findings).toEqual([])
    })

    it('what it had committed is found by asking', async () => {
      const { pool, kinds } = guarded({ mode })
      await use(pool, text)
      await pool.query('SELECT 1')
      expect(kinds()).toEqual(mode === 'observe' ? [] : ['session-state'])
    })
  },
)
