import pg from 'pg'
import { describe, expect, it, onTestFinished } from 'vitest'
import { asyncLocalStorageContext } from '../../../src/context/async-local-storage.ts'
import { createLifeguard } from '../../../src/index.ts'
import { useDatabase } from '../../support/database.ts'
import { guardedPool } from '../../support/guarded-pool.ts'

const db = useDatabase()

/** A context that counts. A call of `run` copies the values of all other contexts, and is not free. */
function countingContext() {
  const { current, run } = asyncLocalStorageContext()
  const runs: ('in' | 'out')[] = []
  return {
    runs,
    context: {
      current,
      run<Result>(value: unknown, work: () => Result): Result {
        runs.push(value === undefined ? 'out' : 'in')
        return run(value, work)
      },
    },
  }
}

describe('a caller inside a scope', () => {
  it('leaves it for a pool that may open a connection, and not for an idle client or a full pool', async () => {
    const { runs, context } = countingContext()
    // Without listeners, which would run in a context of their own.
    const pool = new pg.Pool({ ...db.config, max: 1 })
    const lifeguard = createLifeguard({ reporters: [], context })
    lifeguard.watch(pool)
    onTestFinished(() => pool.end())
    const runsOf = async (work: () => Promise<unknown>) => {
      runs.length = 0
      await lifeguard.runInScope({ kind: 'job', name: 'any' }, work)
      return [...runs]
    }
    const checkOut = async () => (await pool.connect()).release()
    // In, out for the connection, out for the timer of the idle client.
    expect(await runsOf(checkOut)).toEqual(['in', 'out', 'out'])
    expect(await runsOf(checkOut)).toEqual(['in', 'out'])
    const holder = await pool.connect()
    const waiting = runsOf(checkOut)
    holder.release()
    expect(await waiting).toEqual(['in', 'out'])
  })

  it('does not give its scope to a connection that is opened in it', async () => {
    const { pool, lifeguard } = guardedPool({ ...db.config, max: 2 })
    const scopes: unknown[] = []
    const idle = await pool.connect()
    idle.release()
    // Two at once, and one idle client: one of them opens a connection.
    await lifeguard.runInScope({ kind: 'job', name: 'opener' }, async () => {
      const clients = await Promise.all([pool.connect(), pool.connect()])
      for (const client of clients) client.release()
    })
    expect(pool.totalCount).toBe(2)
    const clients = await Promise.all([pool.connect(), pool.connect()])
    for (const client of clients) {
      client.on('notice', () => scopes.push(lifeguard.currentScope()?.describe().name))
      await client.query("DO $$ BEGIN RAISE NOTICE 'heard'; END $$")
      client.release()
    }
    expect(scopes).toEqual([undefined, undefined])
  })
})
