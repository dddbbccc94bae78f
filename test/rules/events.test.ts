import type pg from 'pg'
import { describe, expect, it } from 'vitest'
import { LifeguardError, PoolExhaustedError } from '../../src/index.ts'
import { useDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { guardedPool, hereLine, socketOf } from '../support/guarded-pool.ts'

const db = useDatabase()

function guarded(poolOptions: pg.PoolConfig = {}, options: Parameters<typeof guardedPool>[1] = {}) {
  return guardedPool({ ...db.config, max: 2, ...poolOptions }, options)
}

const unclosed = 'BEGIN; SELECT 1/0; COMMIT'

describe('dirty-release', () => {
  it('reports a release inside an open transaction, with the lines of connect and BEGIN', async () => {
    const { pool, findings, resolved, cleared } = guarded()
    const line = hereLine()
    const client = await pool.connect()
    await client.query('BEGIN')
    client.release()
    expect(findings).toMatchObject([
      {
        kind: 'dirty-release',
        certainty: 'certain',
        remedy: 'report',
        origin: { line: line + 1 },
        transactionOrigin: { line: line + 2 },
        checkout: { transaction: 'open' },
      },
    ])
    expect(resolved).toEqual([])
    await pool.query('ROLLBACK')
    expect(await cleared('dirty-release')).toMatchObject({ resolution: 'its session is clean again' })
  })

  it('reports a release in a failed transaction', async () => {
    const { pool, findings } = guarded()
    const client = await pool.connect()
    await client.query('BEGIN')
    await expect(client.query('SELECT 1/0')).rejects.toThrow()
    client.release()
    await pool.query('SELECT 1').catch(() => {})
    expect(findings).toMatchObject([{ kind: 'dirty-release', checkout: { transaction: 'failed' } }])
    expect(findings[0]?.hint).toMatch(/without ROLLBACK/)
  })

  it('tells the line of BEGIN through pool.query', async () => {
    const { pool, findings } = guarded()
    const line = hereLine()
    await pool.query('BEGIN')
    expect(findings).toMatchObject([
      {
        kind: 'dirty-release',
        origin: { line: line + 1 },
        checkout: { via: 'pool.query', lastQuery: 'BEGIN' },
      },
    ])
    expect(findings[0]?.hint).toMatch(/check one client out/)
  })

  it('tells of a transaction that pool.query opened in a form that cannot be seen in the text', async () => {
    const { pool, findings } = guarded()
    await pool.query('SELECT 1 /* ; */; start /* really */ transaction')
    expect(findings).toMatchObject([
      { kind: 'dirty-release', checkout: { via: 'pool.query', transaction: 'open' } },
    ])
  })

  it('finds a script that failed after its own BEGIN, though the status is stale at the release', async () => {
    const { pool, found } = guarded()
    const line = hereLine()
    const client = await pool.connect()
    try {
      await client.query(unclosed)
    } catch {
      // The application swallows it.
    } finally {
      client.release()
    }
    expect(await found('dirty-release')).toMatchObject({
      origin: { line: line + 1 },
      transactionOrigin: { line: line + 3 },
      checkout: { transaction: 'failed' },
    })
  })

  it('does not take a COMMIT that failed for an open transaction', async () => {
    const { pool, findings } = guarded()
    await pool.query('CREATE TABLE child (id int REFERENCES accounts (id) DEFERRABLE INITIALLY DEFERRED)')
    for (let round = 0; round < 30; round += 1) {
      const client = await pool.connect()
      try {
        await client.query('BEGIN')
        await client.query('INSERT INTO child VALUES (-1)')
        await client.query('COMMIT')
      } catch (error) {
        expect(String(error)).toMatch(/foreign key/)
      } finally {
        client.release()
      }
    }
    await pool.query('SELECT 1')
    expect(findings).toEqual([])
  })

  it('does not blame the next owner for a transaction that it got', async () => {
    const { pool, findings } = guarded({ max: 1 })
    const first = await pool.connect()
    await first.query('BEGIN')
    first.release()
    const second = await pool.connect()
    await second.query('SELECT 1')
    second.release()
    expect(findings).toMatchObject([{ kind: 'dirty-release', checkout: { id: 1 } }])
  })

  it('is no finding when the client is released with an error, which closes it', async () => {
    const { pool, findings } = guarded()
    const client = await pool.connect()
    await client.query('BEGIN')
    client.release(true)
    await pool.query('SELECT 1')
    expect(findings).toEqual([])
  })

  it('resolves when the session is closed', async () => {
    const { pool, cleared } = guarded({ idleTimeoutMillis: 10 })
    const client = await pool.connect()
    await client.query('BEGIN')
    client.release()
    expect(await cleared('dirty-release')).toMatchObject({ resolution: 'its session was closed' })
  })
})

describe('busy-release', () => {
  it('reports a release before an un-awaited query has run', async () => {
    const { pool, findings, cleared } = guarded()
    const client = await pool.connect()
    const running = client.query('SELECT pg_sleep(0.05)')
    client.release()
    expect(findings).toMatchObject([{ kind: 'busy-release', certainty: 'certain' }])
    expect(findings[0]?.hint).toMatch(/not awaited/)
    await running
    await cleared('busy-release')
  })

  it('does not blame the next owner for a BEGIN that was not awaited', async () => {
    const { pool, kinds, clock } = guarded({ max: 1 })
    const first = await pool.connect()
    const begun = first.query('BEGIN')
    first.release()
    const second = await pool.connect()
    await begun
    await second.query('SELECT 1')
    second.release()
    clock.advance(1_000)
    expect(kinds()).toEqual(['busy-release'])
  })

  it('does not take a failed statement that awaits ReadyForQuery for work', async () => {
    const { pool, findings } = guarded()
    for (let round = 0; round < 30; round += 1) {
      const client = await pool.connect()
      await client.query('SELECT 1/0').catch(() => client.release())
    }
    await pool.query('SELECT 1')
    expect(findings).toEqual([])
  })
})

describe('double-release', () => {
  it('reports the second release with its own line and keeps the error of the pool', async () => {
    const { pool, findings, resolved } = guarded()
    const client = await pool.connect()
    client.release()
    const line = hereLine()
    expect(() => client.release()).toThrow(
      'Release called on client which has already been released to the pool.',
    )
    expect(findings).toMatchObject([
      { kind: 'double-release', certainty: 'certain', eventOrigin: { line: line + 1 }, remedy: 'report' },
    ])
    expect(resolved).toEqual([])
  })

  it('does not free the next owner when an old done is called', async () => {
    const { pool, kinds } = guarded({ max: 1 })
    const stale = await new Promise<(error?: unknown) => void>((resolve, reject) => {
      pool.connect((error, _client, done) => (error ? reject(error) : resolve(done)))
    })
    stale()
    const next = await pool.connect()
    expect(() => stale()).toThrow('already been released')
    expect(pool.idleCount).toBe(0)
    expect(kinds()).toEqual(['double-release'])
    next.release()
    expect(pool.idleCount).toBe(1)
  })
})

describe('lost-commit', () => {
  it('reports a COMMIT that was answered by ROLLBACK', async () => {
    const { pool, findings } = guarded()
    const client = await pool.connect()
    await client.query('BEGIN')
    await client.query('SELECT 1/0').catch(() => {})
    const answer = await client.query('COMMIT')
    expect(answer.command).toBe('ROLLBACK')
    expect(findings).toMatchObject([{ kind: 'lost-commit', certainty: 'certain' }])
    client.release()
  })

  it('says nothing of a ROLLBACK that was asked for', async () => {
    const { pool, findings } = guarded()
    const client = await pool.connect()
    await client.query('BEGIN')
    await client.query('SELECT 1/0').catch(() => {})
    await client.query('ROLLBACK')
    client.release()
    expect(findings).toEqual([])
  })

  it('reports PREPARE TRANSACTION that was answered by ROLLBACK', async () => {
    const { pool, kinds } = guarded()
    const client = await pool.connect()
    await client.query('BEGIN')
    await client.query('SELECT 1/0').catch(() => {})
    await client.query("PREPARE TRANSACTION 'lost'")
    client.release()
    expect(kinds()).toEqual(['lost-commit'])
  })
})

describe('session-killed', () => {
  it('reports a session that an administrator ended while it idled, and the process lives', async () => {
    const { pool, found, cleared } = guarded()
    const client = await pool.connect()
    await client.query('BEGIN')
    await db.terminate((client as unknown as { processID: number }).processID)
    const finding = await found('session-killed')
    expect(finding).toMatchObject({ certainty: 'certain' })
    expect(finding.hint).toMatch(/57P01/)
    await expect(client.query('SELECT 1')).rejects.toThrow()
    client.release()
    await cleared('session-killed')
    await pool.query('SELECT 1')
  })

  it('reports one that was ended in the middle of a statement, whose promise rejects as always', async () => {
    const { pool, found } = guarded()
    const client = await pool.connect()
    const running = expect(client.query('SELECT pg_sleep(5)')).rejects.toThrow('terminating connection')
    await db.terminate((client as unknown as { processID: number }).processID)
    await running
    expect((await found('session-killed')).hint).toMatch(/57P01/)
    client.release()
  })

  it('reports one whose owner releases in finally, before the driver tells that the connection is lost', async () => {
    const { pool, found } = guarded({ max: 1 })
    const client = await pool.connect()
    const pid = (client as unknown as { processID: number }).processID
    const running = client.query('SELECT pg_sleep(10)').finally(() => client.release())
    const rejected = expect(running).rejects.toThrow('terminating connection')
    await eventually(async () => expect(await db.sessions()).toMatchObject([{ state: 'active' }]))
    await db.terminate(pid)
    await rejected
    expect((await found('session-killed')).hint).toMatch(/57P01/)
  })

  it('reports idle_in_transaction_session_timeout by name', async () => {
    const { pool, found } = guarded({ idle_in_transaction_session_timeout: 50 })
    const client = await pool.connect()
    await client.query('BEGIN')
    expect((await found('session-killed')).hint).toMatch(/idle_in_transaction_session_timeout.*25P03/)
    client.release()
  })

  it('reports a lost socket', async () => {
    const { pool, found } = guarded()
    const client = await pool.connect()
    socketOf(client).destroy()
    expect((await found('session-killed')).hint).toMatch(/the connection was lost/)
    client.release()
  })

  it('ends what was found about its transaction', async () => {
    const { pool, clock, cleared } = guarded()
    const client = await pool.connect()
    await client.query('BEGIN')
    clock.advance(11_000)
    await db.terminate((client as unknown as { processID: number }).processID)
    expect(await cleared('idle-transaction')).toMatchObject({
      resolution: 'its session was ended by the server',
    })
    client.release()
  })

  it("still calls the application's own listener", async () => {
    const { pool, found } = guarded()
    const client = await pool.connect()
    const errors: Error[] = []
    client.on('error', (error) => errors.push(error))
    await db.terminate((client as unknown as { processID: number }).processID)
    await found('session-killed')
    await eventually(() => expect(errors.length).toBeGreaterThan(0))
    client.release()
  })
})

describe('pool-exhausted', () => {
  it("gives the pool's own timeout its holders and a readable cause", async () => {
    const { pool, findings, resolved } = guarded({ max: 1 })
    const line = hereLine()
    const holder = await pool.connect()
    pool.options.connectionTimeoutMillis = 30
    await holder.query("SELECT 'secret'")
    const error: unknown = await pool.connect().catch((reason: unknown) => reason)
    expect(error).toMatchObject({
      message: 'timeout exceeded when trying to connect',
      holders: [{ origin: { line: line + 1 }, lastQuery: 'SELECT ?', transaction: 'idle' }],
    })
    const { cause } = error as Error
    expect(cause).toBeInstanceOf(PoolExhaustedError)
    expect(cause).toBeInstanceOf(LifeguardError)
    expect((cause as Error).message).toMatch(
      /^pool main: all 1 clients are taken\n {2}- test\/rules\/events\.test\.ts:\d+:\d+, held for /,
    )
    expect((cause as Error).message).not.toMatch(/secret/)
    expect(findings).toMatchObject([{ kind: 'pool-exhausted', holders: [{ origin: { line: line + 1 } }] }])
    expect(resolved).toMatchObject([{ kind: 'pool-exhausted' }])
    holder.release()
  })

  it('does the same for pool.query, and names statements of pool.query that hold clients', async () => {
    const { pool } = guarded({ max: 1 })
    await pool.query('SELECT 1')
    pool.options.connectionTimeoutMillis = 30
    const running = pool.query('SELECT pg_sleep(0.5)')
    const error: unknown = await pool.query('SELECT 1').catch((reason: unknown) => reason)
    expect(error).toMatchObject({ holders: [{ via: 'pool.query', lastQuery: 'SELECT pg_sleep(?)' }] })
    await running
  })

  it('reports a waiter before the pool gives up, and resolves when it is served', async () => {
    const { pool, clock, findings, resolved } = guarded({ max: 1 })
    const holder = await pool.connect()
    const line = hereLine()
    const waiting = pool.connect()
    clock.advance(5_300)
    expect(findings).toMatchObject([
      {
        kind: 'pool-exhausted',
        certainty: 'suspected',
        origin: { line: line + 1 },
        checkout: { phase: 'waiting' },
        holders: [{ id: 1 }],
      },
    ])
    holder.release()
    const client = await waiting
    expect(resolved).toMatchObject([{ kind: 'pool-exhausted', resolution: 'got a client after 5.3 s' }])
    client.release()
  })

  it('is not said of a caller that waits for a connection to be made', async () => {
    const { pool, clock, findings } = guarded()
    const connecting = pool.connect()
    clock.advance(20_000)
    expect(findings).toEqual([])
    ;(await connecting).release()
  })
})

describe('blocked-shutdown', () => {
  it('names the client that pool.end() waits for, after a grace', async () => {
    const { pool, clock, findings, resolved } = guarded()
    const line = hereLine()
    const client = await pool.connect()
    const ended = pool.end()
    clock.advance(900)
    expect(findings).toEqual([])
    clock.advance(300)
    expect(findings).toMatchObject([
      { kind: 'blocked-shutdown', certainty: 'certain', origin: { line: line + 1 } },
    ])
    client.release()
    await ended
    expect(resolved).toMatchObject([{ kind: 'blocked-shutdown' }])
  })

  it('says nothing of a shutdown that is quick', async () => {
    const { pool, clock, findings } = guarded()
    const client = await pool.connect()
    const ended = pool.end()
    client.release()
    await ended
    clock.advance(10_000)
    expect(findings).toEqual([])
  })
})
