import { AsyncLocalStorage } from 'node:async_hooks'
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { systemClock } from '../../src/core/time/clock.ts'
import type { ScopeOptions } from '../../src/index.ts'
import { useDatabase } from '../support/database.ts'
import { guardedPool } from '../support/guarded-pool.ts'

const db = useDatabase()
const request: ScopeOptions = { kind: 'request', name: 'GET /x' }

describe('a checkout that has to wait', () => {
  const storage = new AsyncLocalStorage<string>()

  /** A pool of one whose client is released by a request of its own; whoever waits is served out of that release. */
  async function served(ask: (guarded: ReturnType<typeof guardedPool>) => Promise<void>): Promise<void> {
    const guarded = guardedPool({ ...db.config, max: 1 })
    const { pool, lifeguard } = guarded
    const releaser = lifeguard.openScope({ ...request, id: 'releaser' })
    const held = await releaser.run(() => pool.connect())
    const asked = storage.run('waiter', () =>
      lifeguard.openScope({ ...request, id: 'waiter' }).run(() => ask(guarded)),
    )
    await turn()
    expect(pool.waitingCount).toBe(1)
    storage.run('releaser', () => releaser.run(() => held.release()))
    await asked
  }

  const seenBy = ({ lifeguard }: ReturnType<typeof guardedPool>) => ({
    current: lifeguard.currentScope()?.describe().id,
    checkout: lifeguard.snapshot().checkouts[0]?.scope?.id,
    theirs: storage.getStore(),
  })
  const own = { current: 'waiter', checkout: 'waiter', theirs: 'waiter' }

  it('belongs to the scope that asked, and so does what follows its promise', () =>
    served(async (guarded) => {
      const client = await guarded.pool.connect()
      expect(seenBy(guarded)).toEqual(own)
      client.release()
    }))

  it('belongs to the scope that asked, and its callback runs in the context of the caller', () =>
    served(
      (guarded) =>
        new Promise<void>((resolve, reject) => {
          guarded.pool.connect((error, _client, done) => {
            const seen = seenBy(guarded)
            done()
            if (error) return reject(error)
            expect(seen).toEqual(own)
            resolve()
          })
        }),
    ))

  it('has a callback that gets its errors in the context of the caller, too', async () => {
    const { pool } = guardedPool({ ...db.config, max: 1 })
    const held = await pool.connect()
    pool.options.connectionTimeoutMillis = 50
    const seen = await storage.run(
      'caller',
      () =>
        new Promise<unknown[]>((resolve) =>
          pool.connect((error) => resolve([error?.message, storage.getStore()])),
        ),
    )
    expect(seen).toEqual(['timeout exceeded when trying to connect', 'caller'])
    held.release()
  })
})

describe('a connection that a scope has opened', () => {
  it('is opened outside of it, and leaves the storages of the application as they are', async () => {
    const storage = new AsyncLocalStorage<string>()
    const { pool, lifeguard } = guardedPool({ ...db.config, max: 1 })
    const seen: unknown[] = []
    pool.on('connect', () => seen.push(lifeguard.currentScope(), storage.getStore()))
    const client = await storage.run('theirs', () => lifeguard.runInScope(request, () => pool.connect()))
    expect(seen).toEqual([undefined, 'theirs'])
    client.release()
  })
})

describe('findings', () => {
  it('are told outside of the scopes that they are about, and of every context of the application', async () => {
    const storage = new AsyncLocalStorage<string>()
    const options = { clock: systemClock, limits: { scopeGraceMillis: 10 } }
    const { pool, lifeguard, found } = guardedPool({ ...db.config, max: 1 }, options)
    const seen: unknown[] = []
    lifeguard.on('finding', () => seen.push(lifeguard.currentScope(), storage.getStore()))
    // The first checkout is what starts the timer.
    await storage.run('theirs', () => lifeguard.runInScope(request, () => pool.connect()))
    await found('outlived-scope')
    expect(seen).toEqual([undefined, undefined])
  })
})
