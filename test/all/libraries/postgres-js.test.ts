import { createRequire } from 'node:module'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import postgres from 'postgres'
import { beforeEach, describe, expect, it } from 'vitest'
import { useDatabase } from '../../support/database.ts'
import { eventually } from '../../support/eventually.ts'
import { hereLine } from '../../support/guarded-pool.ts'
import { deferred, errorOf, guardedSql } from './guarded-sql.ts'

type Rest = Parameters<typeof guardedSql> extends [unknown, ...infer More] ? More : never

const db = useDatabase()
const guarded = (...args: Rest) => guardedSql(db, ...args)
beforeEach(() => db.query('TRUNCATE items'))
const required = createRequire(import.meta.url)('postgres') as typeof postgres

const bodies = async (sql: postgres.Sql) =>
  (await sql`SELECT note FROM items ORDER BY id`).map(({ note }) => note)

describe.each([
  ['the ES module', postgres],
  ['the CommonJS module', required],
])('%s of postgres.js', (_name, make) => {
  it('shows transactions and reserved connections, with their lines and pids', async () => {
    const { sql, out, findings } = guarded({}, { max: 2 }, make)
    const line = hereLine(1)
    await sql.begin(async (tx) => {
      const [row] = await tx`SELECT pg_backend_pid() AS pid`
      expect(out()).toMatchObject([{ pid: row?.pid, transaction: 'open', origin: { line }, queryCount: 2 }])
    })
    expect(out()).toEqual([])
    const reservedAt = hereLine(1)
    const reserved = await sql.reserve()
    const [row] = await reserved`SELECT pg_backend_pid() AS pid`
    expect(out()).toMatchObject([{ pid: row?.pid, transaction: 'idle', origin: { line: reservedAt } }])
    reserved.release()
    expect(out()).toEqual([])
    expect(findings).toEqual([])
  })
})

describe('a transaction of sql.begin', () => {
  it('is what it is unguarded', async () => {
    const { sql, findings, clock, notices } = guarded({ mode: 'enforce' }, { max: 2 })
    const same = sql.begin
    expect(same).toBe(sql.begin)
    expect(await sql.begin((tx) => [tx`SELECT 1 AS a`, tx`SELECT ${2}::int AS b`])).toEqual([
      [{ a: 1 }],
      [{ b: 2 }],
    ])
    const result = await sql.begin('read only', async (tx) => {
      expect(Object.keys(tx)).toEqual(
        expect.arrayContaining(['unsafe', 'savepoint', 'prepare', 'json', 'file']),
      )
      const rows = await tx.unsafe('SELECT current_setting($1) AS value', ['transaction_read_only'])
      const [typed] = await tx`SELECT ${tx.json({ a: 1 })} AS doc, ${tx.array([1, 2])} AS list`.values()
      const described = await tx`SELECT 1 AS one`.describe()
      return { value: rows[0]?.value, typed, columns: described.columns.map(({ name }) => name) }
    })
    expect(result).toEqual({ value: 'on', typed: [{ a: 1 }, ['1', '2']], columns: ['one'] })
    await sql.begin(async (tx) => {
      await tx`INSERT INTO items (note) VALUES ('kept')`
      const failed = tx.savepoint('inner', async (inner) => {
        await inner`INSERT INTO items (note) VALUES ('not kept')`
        await inner`SELECT 1/0`
      })
      await expect(failed).rejects.toMatchObject({ code: '22012' })
      expect(await tx.savepoint((inner) => inner`SELECT 3 AS c`)).toEqual([{ c: 3 }])
    })
    await expect(
      sql.begin(async () => {
        throw new Error('mine')
      }),
    ).rejects.toThrow('mine')
    await expect(
      sql.begin(async (tx) => {
        await tx`SELECT 1/0`.catch(() => {})
      }),
    ).rejects.toMatchObject({ code: '22012' })
    expect(await bodies(sql)).toEqual(['kept'])
    clock.advance(60_000)
    expect(findings).toEqual([])
    expect(notices).toEqual([])
  })

  it('may read by cursors and streams, whole and in part', async () => {
    const { sql, findings, clock, out } = guarded({ mode: 'enforce' })
    await sql.begin(async (tx) => {
      const seen: number[] = []
      for await (const rows of tx`SELECT n FROM generate_series(1, 10) AS n`.cursor(4)) seen.push(rows.length)
      expect(seen).toEqual([4, 4, 2])
      for await (const _rows of tx`SELECT n FROM generate_series(1, 100) AS n`.cursor(5)) break
      await tx`SELECT n FROM generate_series(1, 10) AS n`.cursor(3, () => sql.CLOSE)
      const each: unknown[] = []
      await tx`SELECT n FROM generate_series(1, 3) AS n`.forEach(({ n }) => void each.push(n))
      expect(each).toEqual([1, 2, 3])
      const writable = await tx`COPY items (note) FROM STDIN`.writable()
      await pipeline(Readable.from(['copied\n']), writable)
      const readable = await tx`COPY (SELECT note FROM items) TO STDOUT`.readable()
      const chunks: string[] = []
      for await (const chunk of readable) chunks.push(String(chunk))
      expect(chunks.join('')).toBe('copied\n')
      expect(out()).toMatchObject([{ transaction: 'open' }])
    })
    clock.advance(60_000)
    expect(out()).toEqual([])
    expect(findings).toEqual([])
  })

  it("that is left open is rolled back, its owner learns of it, and the connection is nobody else's meanwhile", async () => {
    const { sql, found, notices, out } = guarded({ mode: 'enforce' }, { max: 2 })
    const stuck = deferred()
    const leak = sql.begin(async (tx) => {
      await tx`INSERT INTO items (note) VALUES ('not kept')`
      await stuck.promise
      await tx`INSERT INTO items (note) VALUES ('refused')`
    })
    const failed = errorOf(leak)
    const [session] = await eventually(() => {
      expect(out()).toMatchObject([{ queryCount: 2, idleMillis: 0 }])
      return out()
    })
    expect(await found('idle-transaction')).toMatchObject({ outcome: 'rolled-back' })
    const idle = (await db.sessions()).find(({ pid }) => pid === session?.pid)
    expect(idle).toMatchObject({ state: 'idle' })
    const other = await sql.reserve()
    const [row] = await other`SELECT pg_backend_pid() AS pid`
    expect(row?.pid).not.toBe(session?.pid)
    await other`BEGIN`
    await other`INSERT INTO items (note) VALUES ('of another')`
    stuck.resolve()
    expect((await failed).code).toBe('LIFEGUARD_TRANSACTION_ROLLED_BACK')
    await other`COMMIT`
    other.release()
    expect(await bodies(sql)).toEqual(['of another'])
    await Promise.all([1, 2].map((n) => sql.begin((tx) => tx`SELECT ${n}::int`)))
    expect(out()).toEqual([])
    expect(notices).toEqual([])
  })

  it.each(['returns', 'sends a savepoint', 'swallows the refusal'])(
    'that was rolled back is not taken for committed where its work %s',
    async (how) => {
      const { sql, found, notices, out } = guarded({ mode: 'enforce' })
      const stuck = deferred()
      const failed = errorOf(
        sql.begin(async (tx) => {
          await tx`INSERT INTO items (note) VALUES ('not kept')`
          await stuck.promise
          if (how === 'sends a savepoint') await tx.savepoint((inner) => inner`SELECT 1`)
          if (how === 'swallows the refusal') await tx`SELECT 1`.catch(() => {})
        }),
      )
      await eventually(() => expect(out()).toMatchObject([{ queryCount: 2, idleMillis: 0 }]))
      await found('idle-transaction')
      stuck.resolve()
      expect((await failed).code).toBe('LIFEGUARD_TRANSACTION_ROLLED_BACK')
      expect(await bodies(sql)).toEqual([])
      expect(await sql.begin((tx) => tx`SELECT 1 AS a`)).toEqual([{ a: 1 }])
      expect(out()).toEqual([])
      expect(notices).toEqual([])
    },
  )

  it('inside a savepoint that was rolled back fails with the refusal', async () => {
    const { sql, found, out } = guarded({ mode: 'enforce' })
    const stuck = deferred()
    const failed = errorOf(
      sql.begin((tx) =>
        tx.savepoint(async (inner) => {
          await inner`INSERT INTO items (note) VALUES ('not kept')`
          await stuck.promise
          await inner`SELECT 1`
        }),
      ),
    )
    await eventually(() => expect(out()).toMatchObject([{ queryCount: 3, idleMillis: 0 }]))
    await found('idle-transaction')
    stuck.resolve()
    expect((await failed).code).toBe('LIFEGUARD_TRANSACTION_ROLLED_BACK')
    expect(await sql`SELECT 1 AS a`).toEqual([{ a: 1 }])
  })

  it('whose session is destroyed frees its slot, and rejects at once', async () => {
    const { sql, found, out } = guarded({ mode: 'enforce', remedies: { 'idle-transaction': 'destroy' } })
    const stuck = deferred()
    let late: Promise<unknown> = Promise.resolve()
    const leak = sql.begin(async (tx) => {
      await tx`INSERT INTO items (note) VALUES ('not kept')`
      await stuck.promise
      late = errorOf(tx`INSERT INTO items (note) VALUES ('refused')`)
      await late
    })
    const failed = errorOf(leak)
    const [checkout] = await eventually(() => {
      expect(out()).toMatchObject([{ queryCount: 2, idleMillis: 0 }])
      return out()
    })
    const next = sql`INSERT INTO items (note) VALUES ('of the next')`
    expect(await found('idle-transaction')).toMatchObject({ outcome: 'destroyed' })
    expect((await failed).code).toBe('LIFEGUARD_SESSION_DESTROYED')
    await next
    stuck.resolve()
    await eventually(async () => expect(await late).toMatchObject({ code: 'LIFEGUARD_SESSION_DESTROYED' }))
    expect(await bodies(sql)).toEqual(['of the next'])
    const pids = (await db.sessions()).map(({ pid }) => pid)
    expect(pids).not.toContain(checkout?.pid)
  })

  it.each(['watched', 'no longer watched'])(
    'whose session is closing, destroyed, does not keep sql.end waiting: %s',
    async (state) => {
      const { sql, found, lifeguard } = guarded({
        mode: 'enforce',
        remedies: { 'idle-transaction': 'destroy' },
      })
      const failed = errorOf(sql.begin(() => deferred().promise))
      // At once, before the socket is closed. To connect may take so long that it is a finding, too.
      const isFound = new Promise<void>((resolve) =>
        lifeguard.on('finding', ({ kind }) => kind === 'idle-transaction' && resolve()),
      )
      const ended = isFound.then(async () => {
        if (state === 'no longer watched') await lifeguard.close()
        await sql.end()
        return 'ended'
      })
      await found('idle-transaction')
      expect(await ended).toBe('ended')
      expect((await failed).code).toBe('LIFEGUARD_SESSION_DESTROYED')
    },
  )

  it('that runs a statement for too long is cancelled and destroyed', async () => {
    const { sql, found, out } = guarded({ mode: 'enforce', remedies: { 'long-hold': 'destroy' } })
    const failed = errorOf(sql.begin((tx) => tx`SELECT pg_sleep(60)`))
    await eventually(() => expect(out()).toMatchObject([{ queryCount: 2 }]))
    expect(await found('long-hold')).toMatchObject({ outcome: 'destroyed' })
    expect((await failed).code).toBe('LIFEGUARD_SESSION_DESTROYED')
    await eventually(async () => {
      const running = (await db.sessions()).filter(
        ({ query, state }) => state === 'active' && /pg_sleep/.test(query),
      )
      expect(running).toEqual([])
    })
    expect(await sql`SELECT 1 AS a`).toEqual([{ a: 1 }])
  })

  it('that waits for the only connection while its request holds it is rejected', async () => {
    const { sql, lifeguard, found, out } = guarded({
      mode: 'enforce',
      remedies: { 'pool-deadlock': 'reject' },
    })
    const failed = lifeguard.runInScope({ kind: 'request', name: 'GET /nested' }, () =>
      errorOf(
        sql.begin(async (tx) => {
          await tx`INSERT INTO items (note) VALUES ('not kept')`
          await sql.begin((inner) => inner`SELECT 1`)
        }),
      ),
    )
    expect(await found('pool-deadlock')).toMatchObject({
      outcome: 'rejected',
      scope: { name: 'GET /nested' },
    })
    expect((await failed).code).toBe('LIFEGUARD_POOL_DEADLOCK')
    expect(await bodies(sql)).toEqual([])
    expect(out()).toEqual([])
  })

  it('whose session the server ends is reported, and no statement of its work gets to another session', async () => {
    const { sql, found, out, kinds } = guarded()
    const stuck = deferred()
    let late: Promise<Error & { code?: unknown }> | undefined
    const failed = errorOf(
      sql.begin(async (tx) => {
        await tx`INSERT INTO items (note) VALUES ('not kept')`
        await stuck.promise
        late = errorOf(tx`INSERT INTO items (note) VALUES ('late')`)
        await late
      }),
    )
    const [checkout] = await eventually(() => {
      expect(out()).toMatchObject([{ queryCount: 2, idleMillis: 0 }])
      return out()
    })
    await db.terminate(checkout?.pid ?? 0)
    expect((await failed).code).toBe('CONNECTION_CLOSED')
    await found('session-killed')
    expect(await sql`SELECT 1 AS a`).toEqual([{ a: 1 }])
    stuck.resolve()
    await eventually(async () => expect((await late)?.code).toBe('CONNECTION_CLOSED'))
    expect(await bodies(sql)).toEqual([])
    expect(out()).toEqual([])
    expect(kinds()).toEqual(['session-killed'])
  })

  it('that is used after its end is reported at the line of the statement', async () => {
    const { sql, findings } = guarded()
    let kept = sql as unknown as postgres.TransactionSql
    await sql.begin(async (tx) => {
      kept = tx
      await tx`SELECT 1`
    })
    const line = hereLine(1)
    await kept`SELECT 2`
    expect(findings).toMatchObject([{ kind: 'use-after-release', eventOrigin: { line } }])
  })

  it('that is used after its end is refused in enforce', async () => {
    const { sql } = guarded({ mode: 'enforce' })
    let kept = sql as unknown as postgres.TransactionSql
    await sql.begin(async (tx) => {
      kept = tx
    })
    const other = await sql.reserve()
    await other`SELECT 1`
    expect((await errorOf(kept`SELECT 2`)).code).toBe('LIFEGUARD_SESSION_RELEASED')
    other.release()
  })
})
