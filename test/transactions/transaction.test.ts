import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  createLifeguard,
  type Finding,
  LostCommitError,
  manualClock,
  OptionError,
  type TransactionOptions,
} from '../../src/index.ts'
import { allowLeaks } from '../../src/testing/verify.ts'
import { leakCheck } from '../../src/testing/vitest.ts'
import { ownPool } from '../own-pool.ts'
import { useDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { startProxy } from '../support/tcp-proxy.ts'

const db = useDatabase()
let pool: pg.Pool
const lifeguard = createLifeguard({ clock: manualClock(), reporters: [] })
const findings: Finding[] = []
leakCheck(lifeguard, { unendedPools: 'fail' })

beforeAll(() => {
  pool = new pg.Pool({ ...db.config, max: 3, connectionTimeoutMillis: 5000 })
  pool.on('error', () => {})
  lifeguard.watch(pool)
  lifeguard.on('finding', (finding) => findings.push(finding))
})
beforeEach(async () => {
  findings.length = 0
  await db.query('TRUNCATE items, accounts')
  await db.query('INSERT INTO accounts VALUES (1, 100), (2, 100)')
})
afterAll(async () => {
  await lifeguard.close()
  await pool.end()
})

async function notes(): Promise<string[]> {
  const { rows } = await db.query<{ note: string }>('SELECT note FROM items ORDER BY id')
  return rows.map(({ note }) => note)
}

function insert(note: string): string {
  return `INSERT INTO items (note) VALUES ('${note}')`
}

/** Every client is back, and none is in a transaction. */
async function expectWhole(): Promise<void> {
  expect(lifeguard.snapshot().checkouts).toEqual([])
  expect(pool.idleCount).toBe(pool.totalCount)
  const states = (await db.sessions()).map(({ state }) => state)
  expect(states.filter((state) => state !== 'idle')).toEqual([])
}

describe('a transaction', () => {
  it('commits and gives back what the work returns', async () => {
    const result = await lifeguard.transaction(pool, async (client) => {
      await client.query(insert('kept'))
      return { inserted: 1 }
    })
    expect(result).toEqual({ inserted: 1 })
    expect(await notes()).toEqual(['kept'])
    await expectWhole()
    expect(findings).toEqual([])
  })

  it('is one to the server, too', async () => {
    await lifeguard.transaction(pool, async (client) => {
      await client.query(insert('unseen'))
      expect(await notes()).toEqual([])
      const { rows } = await client.query('SELECT count(*)::int AS count FROM items')
      expect(rows).toEqual([{ count: 1 }])
    })
  })

  it('rolls back when the work throws, and throws the same error', async () => {
    const failure = new Error('thrown inside')
    await expect(
      lifeguard.transaction(pool, async (client) => {
        await client.query(insert('half'))
        throw failure
      }),
    ).rejects.toBe(failure)
    expect(await notes()).toEqual([])
    await expectWhole()
    expect(findings).toEqual([])
  })

  it.each([undefined, null, 0, 'text', Object.freeze({ code: 40001 })])(
    'rolls back when the work throws %o',
    async (thrown) => {
      let caught: unknown = 'nothing was thrown'
      try {
        await lifeguard.transaction(pool, async (client) => {
          await client.query(insert('half'))
          throw thrown
        })
      } catch (error) {
        caught = error
      }
      expect(caught).toBe(thrown)
      expect(await notes()).toEqual([])
      await expectWhole()
    },
  )

  it('rolls back when the work throws before it waits for anything', async () => {
    const work = (() => {
      throw new Error('thrown at once')
    }) as unknown as () => Promise<void>
    await expect(lifeguard.transaction(pool, work)).rejects.toThrow('thrown at once')
    await expectWhole()
  })

  it('rolls back when a statement fails, and throws its error', async () => {
    await expect(
      lifeguard.transaction(pool, async (client) => {
        await client.query(insert('half'))
        await client.query('SELECT nonsense')
      }),
    ).rejects.toMatchObject({ code: '42703' })
    expect(await notes()).toEqual([])
    await expectWhole()
    expect(findings).toEqual([])
  })

  it('waits for statements that the work did not wait for', async () => {
    await lifeguard.transaction(pool, async (client) => {
      void client.query(insert('floating'))
    })
    expect(await notes()).toEqual(['floating'])
    await expectWhole()
  })

  it('does not end the one of the next owner when the work was wrong about its own end', async () => {
    await lifeguard.transaction(pool, async (client) => {
      await client.query(insert('committed by hand'))
      await client.query('COMMIT')
    })
    await expectWhole()
    expect(await notes()).toEqual(['committed by hand'])
  })

  it('says that nothing was saved when COMMIT was answered by ROLLBACK', async () => {
    allowLeaks(lifeguard, 'the COMMIT is lost on purpose')
    await expect(
      lifeguard.transaction(pool, async (client) => {
        await client.query(insert('lost'))
        await client.query('SELECT nonsense').catch(() => {})
        return 'as if it had worked'
      }),
    ).rejects.toThrow(LostCommitError)
    expect(await notes()).toEqual([])
    await expectWhole()
    expect(findings.map(({ kind }) => kind)).toEqual(['lost-commit'])
  })

  it('says so even where the error is a deferred constraint that only COMMIT checks', async () => {
    await db.query(`
      CREATE TABLE deferred (id int CONSTRAINT deferred_id UNIQUE DEFERRABLE INITIALLY DEFERRED);
      INSERT INTO deferred VALUES (1)`)
    await expect(
      lifeguard.transaction(pool, async (client) => {
        await client.query(insert('half'))
        await client.query('INSERT INTO deferred VALUES (1)')
      }),
    ).rejects.toMatchObject({ code: '23505' })
    expect(await notes()).toEqual([])
    await expectWhole()
    expect(findings).toEqual([])
  })

  it('keeps its client after a failed COMMIT whose end comes in another packet', async () => {
    await db.query(`
      CREATE TABLE distant (id int UNIQUE DEFERRABLE INITIALLY DEFERRED);
      INSERT INTO distant VALUES (1)`)
    await using proxy = await startProxy(db.config.port, db.config.host)
    proxy.splitPackets()
    const distant = ownPool(db, { host: '127.0.0.1', port: proxy.port })
    await expect(
      lifeguard.transaction(distant, (client) => client.query('INSERT INTO distant VALUES (1)')),
    ).rejects.toMatchObject({ code: '23505' })
    expect([distant.totalCount, distant.idleCount]).toEqual([1, 1])
    await lifeguard.transaction(distant, (client) => client.query(insert('next')))
    expect(await notes()).toEqual(['next'])
  })

  it('throws the error of BEGIN and gives the client back', async () => {
    // A pool that nobody guards, with a client that its last owner released in a failed transaction.
    const bare = ownPool(db)
    const last = await bare.connect()
    await last.query('BEGIN')
    await last.query('SELECT nonsense').catch(() => {})
    await last.query('SELECT 1').catch(() => {})
    last.release()
    let worked = false
    await expect(
      lifeguard.transaction(bare, async () => {
        worked = true
      }),
    ).rejects.toMatchObject({ code: '25P02' })
    expect(worked).toBe(false)
    expect(bare.idleCount).toBe(bare.totalCount)
    // The rollback that follows the failure has cleaned the session, so that the next one succeeds.
    await lifeguard.transaction(bare, (client) => client.query(insert('next')))
    expect(await notes()).toEqual(['next'])
  })

  it('throws what the pool throws when there is no client', async () => {
    const small = ownPool(db)
    const holder = await small.connect()
    small.options.connectionTimeoutMillis = 50
    await expect(lifeguard.transaction(small, async () => {})).rejects.toThrow('timeout exceeded')
    holder.release()
  })

  it('whose server session is killed throws, and its slot is replaced', async () => {
    await expect(
      lifeguard.transaction(pool, async (client) => {
        await client.query(insert('half'))
        const { rows } = await client.query('SELECT pg_backend_pid() AS pid')
        await db.terminate(rows[0].pid)
        await client.query(insert('other half'))
      }),
    ).rejects.toThrow()
    expect(await notes()).toEqual([])
    await expectWhole()
    await lifeguard.transaction(pool, (client) => client.query(insert('next')))
    expect(await notes()).toEqual(['next'])
    expect(findings.map(({ kind }) => kind)).toEqual(['session-killed'])
  })

  it('whose server session is killed without the work noticing is not committed', async () => {
    await expect(
      lifeguard.transaction(pool, async (client) => {
        await client.query(insert('half'))
        const { rows } = await client.query('SELECT pg_backend_pid() AS pid')
        await db.terminate(rows[0].pid)
        return 'as if it had worked'
      }),
    ).rejects.toThrow()
    expect(await notes()).toEqual([])
    await expectWhole()
  })

  it('does not cancel a statement that nobody awaits: its error would end the process', async () => {
    let floating: Promise<unknown> | undefined
    const running = lifeguard.transaction(pool, async (owned) => {
      floating = owned.query('SELECT pg_sleep(0.2)')
      throw new Error('of the work')
    })
    await expect(running).rejects.toThrow('of the work')
    await expect(floating).resolves.toMatchObject({ rowCount: 1 })
  })

  it('ends on the server what has timed out in the client only, and keeps the client', async () => {
    const impatient = ownPool(db, { query_timeout: 200 })
    await expect(
      lifeguard.transaction(impatient, async (client) => {
        await client.query(insert('half'))
        await client.query('SELECT pg_sleep(30)')
      }),
    ).rejects.toThrow('Query read timeout')
    // It would go on, and keep its locks.
    expect((await db.sessions()).filter(({ state }) => state === 'active')).toEqual([])
    expect(impatient.idleCount).toBe(1)
    await lifeguard.transaction(impatient, (client) => client.query(insert('next')))
    expect(await notes()).toEqual(['next'])
  })

  it.each(['commits', 'throws'])(
    'that %s gives its client back although the guard was taken off meanwhile',
    async (how) => {
      const small = ownPool(db)
      const guard = createLifeguard({ clock: manualClock(), reporters: [] })
      guard.watch(small)
      const running = guard.transaction(small, async (client) => {
        await client.query(insert(how))
        await guard.close()
        if (how === 'throws') throw new Error('thrown inside')
      })
      await running.catch(() => {})
      expect(small.idleCount).toBe(small.totalCount)
      expect(await notes()).toEqual(how === 'commits' ? ['commits'] : [])
    },
  )

  it('does not hide the error of the work behind the one of a second release', async () => {
    allowLeaks(lifeguard, 'released too early, and twice, on purpose')
    const failure = new Error('thrown inside')
    await expect(
      lifeguard.transaction(pool, async (client) => {
        client.release()
        throw failure
      }),
    ).rejects.toBe(failure)
    // What it left open is rolled back before the client is in its pool again.
    await eventually(expectWhole)
  })
})

describe('options of a transaction', () => {
  it.each<[TransactionOptions, { isolation: string; readOnly: string; deferrable: string }]>([
    [{}, { isolation: 'read committed', readOnly: 'off', deferrable: 'off' }],
    [{ isolation: 'read committed' }, { isolation: 'read committed', readOnly: 'off', deferrable: 'off' }],
    [{ isolation: 'repeatable read' }, { isolation: 'repeatable read', readOnly: 'off', deferrable: 'off' }],
    [
      { isolation: 'serializable', readOnly: true, deferrable: true },
      { isolation: 'serializable', readOnly: 'on', deferrable: 'on' },
    ],
    [{ readOnly: true }, { isolation: 'read committed', readOnly: 'on', deferrable: 'off' }],
    [
      { readOnly: false, retries: 0 },
      { isolation: 'read committed', readOnly: 'off', deferrable: 'off' },
    ],
  ])('%o reach the server', async (options, expected) => {
    const { rows } = await lifeguard.transaction(
      pool,
      (client) =>
        client.query(`SELECT current_setting('transaction_isolation') AS isolation,
          current_setting('transaction_read_only') AS "readOnly",
          current_setting('transaction_deferrable') AS deferrable`),
      options,
    )
    expect(rows).toEqual([expected])
  })

  it.each<[unknown, string]>([
    [
      { isolationLevel: 'serializable' },
      'unknown option transaction.isolationLevel; did you mean transaction.isolation? (got "serializable")',
    ],
    [
      { isolation: 'snapshot' },
      'transaction.isolation must be "read committed", "repeatable read" or "serializable", got "snapshot"',
    ],
    [{ isolation: 'serializable; DROP TABLE items; --' }, 'transaction.isolation must be'],
    [{ isolation: null }, 'transaction.isolation must be'],
    [{ readOnly: 'yes' }, 'transaction.readOnly must be true or false, got "yes"'],
    [{ deferrable: 1 }, 'transaction.deferrable must be true or false, got 1'],
    [{ retries: -1 }, 'transaction.retries must be a whole number, 0 or more, got -1'],
    [{ retries: 1.5 }, 'transaction.retries must be a whole number, 0 or more, got 1.5'],
    [{ retries: '3' }, 'transaction.retries must be a whole number, 0 or more, got "3"'],
    [
      { retries: Number.POSITIVE_INFINITY },
      'transaction.retries must be a whole number, 0 or more, got Infinity',
    ],
    [{ retries: null }, 'transaction.retries must be a whole number, 0 or more, got null'],
    [null, 'transaction(pool, work, options) must be an object, got null'],
    ['serializable', 'transaction(pool, work, options) must be an object, got "serializable"'],
  ])('are refused before a client is taken: %o', async (options, message) => {
    let worked = false
    const attempt = lifeguard.transaction(
      pool,
      async () => {
        worked = true
      },
      options as TransactionOptions,
    )
    const error = await attempt.catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(OptionError)
    expect((error as OptionError).message).toContain(message)
    expect(worked).toBe(false)
    await expectWhole()
  })
})
