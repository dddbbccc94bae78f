import pg from 'pg'
import { describe, expect, it, onTestFinished } from 'vitest'
import { useDatabase } from '../../support/database.ts'
import { guardedPool } from '../../support/guarded-pool.ts'

const db = useDatabase()

function barePool(options: pg.PoolConfig) {
  const pool = new pg.Pool({ ...db.config, ...options })
  onTestFinished(async () => {
    if (!pool.ending) await pool.end()
  })
  return pool
}

const watchedPool = (options: pg.PoolConfig) => guardedPool({ ...db.config, ...options })

/** A function of the application, whose name has to be in the stack of an error that it awaits. */
async function openAccount(pool: pg.Pool): Promise<Error> {
  try {
    const client = await pool.connect()
    client.release()
  } catch (error) {
    return error as Error
  }
  throw new Error('it was connected')
}

/** The error without the files: they are not the same for a guarded pool. */
function shapeOf({ name, message, stack = '' }: Error) {
  return { name, message, leadsToCaller: stack.includes('openAccount') }
}

describe('the promise form of connect', () => {
  const unreachable = { host: '127.0.0.1', port: 1 }

  it('rejects as the pool does when the server cannot be reached, with a stack that leads to the caller', async () => {
    const bare = await openAccount(barePool(unreachable))
    const { pool, lifeguard } = watchedPool(unreachable)
    const guarded = await openAccount(pool)
    expect(shapeOf(guarded)).toEqual(shapeOf(bare))
    expect(shapeOf(guarded).leadsToCaller).toBe(true)
    expect((guarded as { code?: unknown }).code).toBe('ECONNREFUSED')
    expect(lifeguard.snapshot().checkouts).toEqual([])
  })

  it('rejects as the pool does when a wait times out, and the caller no longer waits', async () => {
    const waitShortly = async (pool: pg.Pool) => {
      const holder = await pool.connect()
      pool.options.connectionTimeoutMillis = 20
      const error = await openAccount(pool)
      pool.options.connectionTimeoutMillis = 0
      return { holder, error }
    }
    const bare = await waitShortly(barePool({ max: 1 }))
    bare.holder.release()
    const { pool, lifeguard } = watchedPool({ max: 1 })
    const { holder, error } = await waitShortly(pool)
    expect(shapeOf(error)).toEqual(shapeOf(bare.error))
    expect(lifeguard.snapshot().checkouts).toHaveLength(1)
    holder.release()
    const next = await pool.connect()
    next.release()
  })

  it('rejects as the pool does after its end', async () => {
    const bare = barePool({})
    await bare.end()
    const { pool } = watchedPool({})
    await pool.end()
    const stacks = await Promise.all([bare, pool].map((ended) => openAccount(ended)))
    const [expected, error] = stacks.map(shapeOf)
    expect(error).toEqual(expected)
  })

  it('throws what the pool throws, and the caller does not wait', async () => {
    class Unmade extends pg.Client {
      constructor() {
        super()
        throw new RangeError('it has no client')
      }
    }
    const { pool, lifeguard } = watchedPool({ Client: Unmade } as pg.PoolConfig)
    expect(() => pool.connect()).toThrow(new RangeError('it has no client'))
    expect(lifeguard.snapshot().checkouts).toEqual([])
  })

  it('returns a promise of the class that the pool was given', async () => {
    class Deferred<Value> extends Promise<Value> {}
    const { pool, lifeguard } = watchedPool({ Promise: Deferred } as pg.PoolConfig)
    const connecting = pool.connect()
    expect(connecting).toBeInstanceOf(Deferred)
    const client = await connecting
    expect(lifeguard.snapshot().checkouts).toHaveLength(1)
    client.release()
  })

  it('calls the connect of a subclass with what its caller has passed', async () => {
    const passed: unknown[][] = []
    class Named extends pg.Pool {
      // biome-ignore lint/suspicious/noExplicitAny: it has the types of all overloads
      override connect(...args: any[]): any {
        passed.push(args)
        return Reflect.apply(super.connect, this, args)
      }
    }
    const { pool } = guardedPool(db.config, {}, new Named(db.config))
    const client = await pool.connect()
    expect(passed).toEqual([[]])
    client.release()
  })

  it('answers each of those who wait for one client once, in the order in which they asked', async () => {
    const { pool, lifeguard } = watchedPool({ max: 1 })
    const order: number[] = []
    await Promise.all(
      [1, 2, 3, 4].map(async (number) => {
        const client = await pool.connect()
        order.push(number)
        await client.query('SELECT 1')
        client.release()
      }),
    )
    expect(order).toEqual([1, 2, 3, 4])
    expect(lifeguard.snapshot().checkouts).toEqual([])
  })
})
