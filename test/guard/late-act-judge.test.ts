import { describe, expect, it } from 'vitest'
import { type FindingReference, SessionReleasedError } from '../../src/index.ts'
import { useDatabase } from '../support/database.ts'
import { guardedPool } from '../support/guarded-pool.ts'

const db = useDatabase()

describe('an owner that goes on after release', () => {
  it('is found once, whatever it sends, and each error refers to that finding', async () => {
    const { pool, findings } = guardedPool({ ...db.config, max: 1 }, { mode: 'enforce' })
    const client = await pool.connect()
    client.release()
    const errors: unknown[] = []
    for (const _ of [1, 2, 3]) await client.query('SELECT 1').catch((error: unknown) => errors.push(error))
    expect(findings).toMatchObject([{ kind: 'use-after-release', remedy: 'refuse', outcome: 'refused' }])
    expect(errors.map((error) => error instanceof SessionReleasedError)).toEqual([true, true, true])
    const references = errors.map((error) => (error as { finding?: FindingReference }).finding?.id)
    expect(references).toEqual([findings[0]?.id, findings[0]?.id, findings[0]?.id])
  })

  it('is let through in observe', async () => {
    const { pool, kinds } = guardedPool({ ...db.config, max: 1 })
    const client = await pool.connect()
    client.release()
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    expect(kinds()).toEqual(['use-after-release'])
  })

  it('may release a second time without freeing the next owner in enforce', async () => {
    const { pool, kinds } = guardedPool({ ...db.config, max: 1 }, { mode: 'enforce' })
    const stale = await new Promise<(error?: unknown) => void>((resolve, reject) => {
      pool.connect((error, _client, done) => (error ? reject(error) : resolve(done)))
    })
    stale()
    const next = await pool.connect()
    expect(() => stale()).toThrow('already been released')
    expect([pool.idleCount, kinds()]).toEqual([0, ['double-release']])
    next.release()
  })

  it('is reported with its route, right after the release and also long after it', async () => {
    const { pool, clock, lifeguard, findings } = guardedPool({ ...db.config, max: 1 })
    const request = <Result>(name: string, work: () => Result) =>
      lifeguard.runInScope({ kind: 'request', name }, work)
    const client = await request('GET /a', async () => {
      const got = await pool.connect()
      got.release()
      return got
    })
    await client.query('SELECT 1')
    clock.advance(60_000)
    expect(() => request('GET /b', () => client.release())).toThrow('already been released')
    expect(findings.map(({ kind, scope }) => [kind, scope?.name])).toEqual([
      ['use-after-release', 'GET /a'],
      ['double-release', 'GET /b'],
    ])
  })
})
