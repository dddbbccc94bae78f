import type pg from 'pg'
import { describe, expect, it } from 'vitest'
import { useDatabase } from '../support/database.ts'
import { guardedPool, hereLine } from '../support/guarded-pool.ts'

const db = useDatabase()

function guarded(options: Parameters<typeof guardedPool>[1] = {}) {
  return guardedPool({ ...db.config, max: 1 }, options)
}

/** Two owners of one client in two requests, the first of which releases a second time while the other has it. */
async function releaseStale(guard: ReturnType<typeof guarded>, work: (client: pg.PoolClient) => unknown) {
  const { pool, lifeguard } = guard
  const former = lifeguard.openScope({ kind: 'request', name: 'GET /a', id: '3' })
  const owner = lifeguard.openScope({ kind: 'request', name: 'GET /b' })
  const first = await former.run(() => pool.connect())
  first.release()
  const second = await owner.run(() => pool.connect())
  const working = await work(second)
  const line = hereLine(1)
  former.run(() => first.release())
  return { second, owner, line, working }
}

const blamed =
  /^the client was released a second time just before by its former owner \(request GET \/a \(id 3\), checked out at test\/rules\/stale-release\.test\.ts:\d+:\d+\) at test\/rules\/stale-release\.test\.ts:(\d+):\d+, while this owner had it/

describe('the owner of a client that a former owner has released a second time', () => {
  it('is told so when it uses the client after that', async () => {
    const guard = guarded()
    const { second, owner, line } = await releaseStale(guard, (client) => client.query('SELECT 1'))
    await owner.run(() => second.query('SELECT 2'))
    const { hint, checkout } = await guard.found('use-after-release')
    expect(checkout.id).toBe(2)
    expect(blamed.exec(hint)?.[1]).toBe(String(line))
  })

  it('is told so when it releases', async () => {
    const guard = guarded()
    const { second, owner } = await releaseStale(guard, () => {})
    expect(() => owner.run(() => second.release())).toThrow('already been released')
    const { hint } = await guard.found('double-release')
    expect(hint).toMatch(blamed)
    expect(hint).toMatch(/: this release comes too late$/)
  })

  it('is told so where it was in a transaction, or at work', async () => {
    const open = guarded()
    await releaseStale(open, (client) => client.query('BEGIN'))
    expect((await open.found('dirty-release')).hint).toMatch(blamed)
    await open.pool.query('ROLLBACK')
    const busy = guarded()
    const { working } = await releaseStale(busy, (client) => [client.query('SELECT pg_sleep(0.05)')])
    expect((await busy.found('busy-release')).hint).toMatch(blamed)
    await Promise.all(working as unknown[])
  })

  it('is told that this may be so, where no scope tells the owners apart', async () => {
    const { pool, found } = guarded()
    const first = await pool.connect()
    first.release()
    const second = await pool.connect()
    first.release()
    await second.query('SELECT 1')
    expect((await found('use-after-release')).hint).toMatch(
      /, or its former owner \(checked out at test\/rules\/stale-release\.test\.ts:\d+:\d+\) released it a second time$/,
    )
  })
})

describe('an owner that uses its client after its own release', () => {
  it.each(['SELECT 1', undefined])('is not told of a former owner (it had sent %s)', async (statement) => {
    const { pool, lifeguard, found } = guarded()
    const scopes = ['GET /a', 'GET /b'].map((name) => lifeguard.openScope({ kind: 'request', name }))
    for (const scope of scopes) {
      await scope.run(async () => {
        const client = await pool.connect()
        if (statement !== undefined) await client.query(statement)
        client.release()
        if (scope === scopes[1]) await client.query('SELECT 2')
      })
    }
    expect((await found('use-after-release')).hint).toMatch(/or the client was kept after its release$/)
  })
})
