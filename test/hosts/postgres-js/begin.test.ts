import { describe, expect, it } from 'vitest'
import { eventually } from '../../support/eventually.ts'
import { hereLine } from '../../support/guarded-pool.ts'
import { deferred, guardedToy } from './guarded-toy.ts'

describe('sql.begin under guard', () => {
  it('is a checkout with an open transaction, at the line of the call, while its work runs', async () => {
    const { sql, checkouts, lifeguard } = guardedToy()
    const line = hereLine(2)
    const result = await lifeguard.runInScope({ kind: 'request', name: 'GET /a' }, () =>
      sql.begin('read only', async () => {
        expect(lifeguard.currentScope()).toBeDefined()
        expect(checkouts()).toMatchObject([
          { phase: 'out', pid: 101, transaction: 'open', lastQuery: 'begin read only', origin: { line } },
        ])
        return 'done'
      }),
    )
    expect(result).toBe('done')
    expect(checkouts()).toEqual([])
  })

  it('sends what it would send unguarded', async () => {
    const { sql, connections } = guardedToy({ mode: 'enforce' })
    await sql.begin(async (tx) => {
      await tx`SELECT 1`
    })
    await expect(sql.begin(async () => Promise.reject(new Error('mine')))).rejects.toThrow('mine')
    expect(connections[0]?.written).toEqual(['begin', 'SELECT 1', 'commit', 'begin', 'rollback'])
  })

  it('leaves what is no work to the driver', async () => {
    const { sql, checkouts } = guardedToy()
    await expect(sql.begin('no work')).rejects.toThrow()
    expect(checkouts()).toEqual([])
  })

  it('that cannot begin has no checkout', async () => {
    const { sql, checkouts, kinds } = guardedToy()
    await expect(sql.begin('fail', async () => {})).rejects.toMatchObject({ code: '22012' })
    expect(checkouts()).toEqual([])
    expect(kinds()).toEqual([])
  })

  it('waits where all connections are taken, and is found by those who hold them', async () => {
    const { sql, checkouts, lifeguard, kinds, found } = guardedToy()
    const stuck = deferred()
    await lifeguard.runInScope({ kind: 'job', name: 'nested' }, async () => {
      const holding = sql.begin(() => stuck.promise)
      await eventually(() => expect(checkouts()).toMatchObject([{ phase: 'out' }]))
      const waiting = sql.begin(async () => 'served')
      expect(checkouts()).toMatchObject([{ phase: 'out' }, { phase: 'waiting' }])
      await found('pool-deadlock')
      expect(kinds()).toContain('pool-deadlock')
      stuck.resolve()
      await holding
      expect(await waiting).toBe('served')
    })
    expect(checkouts()).toEqual([])
  })

  it('keeps the finding of a destroyed session open until its work has come to its end', async () => {
    const { sql, found, lifeguard } = guardedToy({
      mode: 'enforce',
      remedies: { 'idle-transaction': 'destroy' },
    })
    const stuck = deferred()
    const failed = sql.begin(() => stuck.promise).catch((error: unknown) => error)
    await found('idle-transaction')
    expect(await failed).toMatchObject({ code: 'LIFEGUARD_SESSION_DESTROYED' })
    const resolved = () => lifeguard.snapshot().findings.map(({ resolvedAt }) => resolvedAt !== undefined)
    expect(resolved()).toEqual([false])
    stuck.resolve()
    await eventually(() => expect(resolved()).toEqual([true]))
  })

  it('carries the tag of its checkout', async () => {
    const { sql, connections } = guardedToy({ tag: { application: 'orders', origin: false } })
    await sql.begin(async (tx) => {
      await tx.unsafe('SELECT 1')
      await tx.unsafe('SELECT 2', [], { simple: false })
    })
    const tag = "/*application='orders'*/"
    expect(connections[0]?.written.slice(0, 3)).toEqual([`begin ${tag}`, `SELECT 1 ${tag}`, 'SELECT 2'])
  })
})
