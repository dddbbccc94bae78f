import { describe, expect, it } from 'vitest'
import { createLifeguard, LostCommitError, manualClock } from '../../src/index.ts'
import { allowLeaks } from '../../src/testing/verify.ts'
import { ownPool } from '../own-pool.ts'
import { eventually } from '../support/eventually.ts'
import { startProxy } from '../support/tcp-proxy.ts'
import { useGuardedTransactions } from './guarded-transactions.ts'

const { db, pool, lifeguard, findings, notes } = useGuardedTransactions({ max: 3 })

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
