import { drizzle } from 'drizzle-orm/node-postgres'
import { Logger, makeWorkerUtils, run } from 'graphile-worker'
import { Kysely, PostgresDialect, sql } from 'kysely'
import pg from 'pg'
import QueryStream from 'pg-query-stream'
import { describe, expect, it } from 'vitest'
import { type LifeguardOptions, SessionReleasedError } from '../../src/index.ts'
import { useDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { guardedPool, hereLine } from '../support/guarded-pool.ts'

const db = useDatabase()

function guarded(options: LifeguardOptions = {}, poolOptions: pg.PoolConfig = {}, pool?: pg.Pool) {
  return guardedPool({ ...db.config, max: 1, ...poolOptions }, { handles: 'checked', ...options }, pool)
}

describe('a handle', () => {
  it('is another one for each checkout of one client', async () => {
    const { pool } = guarded()
    const first = await pool.connect()
    first.release()
    const second = await pool.connect()
    expect(second).not.toBe(first)
    expect(pidOf(second)).toBe(pidOf(first))
    second.release()
  })

  it('passes for the client: class, properties, events, chained calls, streams', async () => {
    const { pool } = guarded()
    const client = await pool.connect()
    expect(client).toBeInstanceOf(pg.Client)
    expect(client.escapeIdentifier('a"b')).toBe('"a""b"')
    const notices: unknown[] = []
    const note = (notice: unknown) => notices.push(notice)
    expect(client.on('notice', note)).toBe(client)
    await client.query(`DO $$ BEGIN RAISE NOTICE 'hello'; END $$`)
    expect(notices).toHaveLength(1)
    expect(client.listenerCount('notice')).toBe(1)
    client.removeListener('notice', note)
    expect(client.listenerCount('notice')).toBe(0)
    const rows: unknown[] = []
    for await (const row of client.query(new QueryStream('SELECT generate_series(1, 3) AS n'))) rows.push(row)
    expect(rows).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }])
    const property = client as unknown as { mark: number }
    property.mark = 7
    expect(property.mark).toBe(7)
    client.release()
  })

  it('is what exempt takes', async () => {
    const { pool, lifeguard, clock, findings } = guarded()
    const client = await pool.connect()
    lifeguard.exempt(client, 'by design')
    clock.advance(100_000)
    expect(findings).toEqual([])
    client.release()
  })

  it('is what session and transaction give', async () => {
    const { pool, lifeguard, findings } = guarded({ mode: 'enforce' })
    const session = await lifeguard.session(pool)
    await session.query('BEGIN')
    await session.release()
    await lifeguard.transaction(pool, (client) => client.query('SELECT 1'))
    expect(pool.idleCount).toBe(1)
    expect(findings).toEqual([])
  })

  it('goes on as the client alone once the guard is off', async () => {
    const { pool, lifeguard, findings } = guarded({ mode: 'enforce' })
    const client = await pool.connect()
    await lifeguard.close()
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    client.release()
    expect(pool.idleCount).toBe(1)
    expect(findings).toEqual([])
  })
})

describe('a statement by a former owner while another one has the client', () => {
  it('is reported with the lines of its own checkout and of the statement', async () => {
    const { pool, findings } = guarded()
    const line = hereLine()
    const former = await pool.connect()
    former.release()
    const present = await pool.connect()
    await former.query('SELECT 1')
    expect(findings).toMatchObject([
      { kind: 'use-after-release', origin: { line: line + 1 }, eventOrigin: { line: line + 4 } },
    ])
    present.release()
  })

  it('is refused in enforce, and the present owner is not harmed', async () => {
    const { pool, findings } = guarded({ mode: 'enforce' })
    const former = await pool.connect()
    former.release()
    const present = await pool.connect()
    await present.query('BEGIN')
    await expect(former.query('ROLLBACK')).rejects.toThrow(SessionReleasedError)
    await expect(former.query('SELECT 1')).rejects.toThrow(SessionReleasedError)
    expect(await statusOf(present)).toBe('T')
    await present.query('COMMIT')
    present.release()
    expect(findings.map(({ kind }) => kind)).toEqual(['use-after-release'])
  })

  it('is told from the former owner by its scope', async () => {
    const { pool, lifeguard, findings } = guarded({ mode: 'enforce' })
    let stashed: pg.PoolClient | undefined
    await lifeguard.runInScope({ kind: 'job', name: 'former' }, async () => {
      stashed = await pool.connect()
      stashed.release()
    })
    await lifeguard.runInScope({ kind: 'job', name: 'present' }, async () => {
      const client = await pool.connect()
      await expect(stashed?.query('SELECT 1')).rejects.toThrow(SessionReleasedError)
      client.release()
    })
    expect(findings).toHaveLength(1)
  })
})

describe('a release by a former owner while another one has the client', () => {
  it('is reported, and does what it does without a guard', async () => {
    const { pool, findings } = guarded()
    const line = hereLine()
    const former = await pool.connect()
    former.release()
    const present = await pool.connect()
    former.release()
    expect(pool.idleCount).toBe(1)
    expect(findings).toMatchObject([
      { kind: 'double-release', origin: { line: line + 1 }, eventOrigin: { line: line + 4 } },
    ])
    expect(findings[0]?.hint).toMatch(/by a former owner/)
    expect(() => present.release()).toThrow('already been released')
  })

  it('is refused in enforce: it throws as a second release does, and the present owner keeps the client', async () => {
    const { pool, findings } = guarded({ mode: 'enforce' })
    const former = await pool.connect()
    former.release()
    const present = await pool.connect()
    expect(() => former.release()).toThrow(
      'Release called on client which has already been released to the pool.',
    )
    expect(pool.idleCount).toBe(0)
    await present.query('SELECT 1')
    present.release()
    expect(findings).toMatchObject([{ kind: 'double-release', outcome: 'refused' }])
  })

  it('is what it always was while nobody has it', async () => {
    const { pool, findings } = guarded({ mode: 'enforce' })
    const client = await pool.connect()
    client.release()
    expect(() => client.release()).toThrow('already been released')
    expect(findings).toMatchObject([
      { kind: 'double-release', hint: expect.stringMatching(/^released twice/) },
    ])
  })

  it('is a no-op after a remedy has destroyed the session', async () => {
    const { pool, clock, found } = guarded({ mode: 'enforce', remedies: { 'idle-transaction': 'destroy' } })
    const former = await pool.connect()
    await former.query('BEGIN')
    clock.advance(11_000)
    await found('idle-transaction')
    const present = await pool.connect()
    former.release()
    await present.query('SELECT 1')
    present.release()
  })
})

describe.each(['observe', 'enforce'] as const)('libraries on top of checked handles, in %s', (mode) => {
  const options: LifeguardOptions = { mode }

  it('the form with a callback', async () => {
    const { pool, findings } = guarded(options)
    for (let round = 0; round < 3; round++) {
      await new Promise<void>((resolve, reject) => {
        pool.connect((error, client, done) => {
          if (error || client === undefined) return reject(error)
          const answered = (reason: Error | null) => {
            done()
            if (reason) reject(reason)
            else resolve()
          }
          void client.query('SELECT 1', answered)
        })
      })
    }
    expect(pool.idleCount).toBe(1)
    expect(findings).toEqual([])
  })

  it('drizzle', async () => {
    const { pool, findings } = guarded(options, { max: 2 })
    const orm = drizzle(pool)
    for (let round = 0; round < 3; round++) {
      await orm.transaction(async (tx) => {
        await tx.execute('SELECT 1')
        await tx.transaction((nested) => nested.execute('SELECT 2'))
      })
      await expect(
        orm.transaction(async (tx) => {
          await tx.execute('SELECT 1/0')
        }),
      ).rejects.toThrow()
    }
    expect(pool.idleCount).toBe(pool.totalCount)
    expect(findings).toEqual([])
  })

  it('kysely', async () => {
    const { pool, findings } = guarded(options, { max: 2 })
    const connections: unknown[] = []
    const orm = new Kysely<Record<string, never>>({
      dialect: new PostgresDialect({
        pool,
        onCreateConnection: async (connection) => void connections.push(connection),
      }),
    })
    for (let round = 0; round < 3; round++) {
      await orm.transaction().execute((tx) => sql`SELECT 1`.execute(tx))
      await expect(orm.transaction().execute((tx) => sql`SELECT 1/0`.execute(tx))).rejects.toThrow()
      await orm.connection().execute((connection) => sql`SELECT 2`.execute(connection))
    }
    expect(pool.idleCount).toBe(pool.totalCount)
    expect(findings).toEqual([])
    // It keeps a connection for each client that it sees, and it sees the handles.
    expect(connections.length).toBeGreaterThan(pool.totalCount)
  })

  it('graphile-worker', async () => {
    const pool = new pg.Pool({ ...db.config, max: 5 })
    pool.on('error', () => {})
    pool.on('connect', () => {})
    const { lifeguard, findings } = guarded(options, {}, pool)
    const utils = await makeWorkerUtils({ pgPool: pool })
    await utils.migrate()
    let greeted = () => {}
    const done = new Promise<void>((resolve) => {
      greeted = resolve
    })
    const runner = await run({
      pgPool: pool,
      concurrency: 2,
      noHandleSignals: true,
      logger: new Logger(() => () => {}),
      taskList: {
        greet: (_payload, { withPgClient }) =>
          withPgClient((client) => client.query('SELECT 1')).then(greeted),
      },
    })
    await utils.addJob('greet', {})
    await done
    // It writes down what is done in batches, and would do so after its end.
    await eventually(async () => {
      expect((await db.query('SELECT 1 FROM graphile_worker.jobs')).rows).toEqual([])
    })
    await runner.stop()
    await utils.release()
    expect(findings.filter(({ kind }) => kind === 'use-after-release' || kind === 'double-release')).toEqual(
      [],
    )
    await lifeguard.close()
  })
})

function pidOf(client: pg.PoolClient): unknown {
  return (client as unknown as { processID: unknown }).processID
}

async function statusOf(client: pg.PoolClient): Promise<string> {
  const { getTransactionStatus } = client as unknown as { getTransactionStatus(): string }
  return getTransactionStatus.call(client)
}
