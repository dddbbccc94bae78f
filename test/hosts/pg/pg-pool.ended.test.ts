import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { useDatabase } from '../../support/database.ts'
import { eventually } from '../../support/eventually.ts'
import { guardedPool } from '../../support/guarded-pool.ts'

const db = useDatabase()

/** The names of the watched pools. */
const watched = ({ lifeguard }: ReturnType<typeof guardedPool>) =>
  lifeguard.snapshot().pools.map(({ name }) => name)

describe('a pool that has ended', () => {
  it('is forgotten with the next sweep', async () => {
    const guarded = guardedPool({ ...db.config, max: 1 })
    const { pool, clock } = guarded
    await pool.query('SELECT 1')
    await pool.end()
    expect(watched(guarded)).toEqual(['main'])
    clock.advance(200)
    expect(watched(guarded)).toEqual([])
    expect(Object.hasOwn(pool, 'connect')).toBe(false)
  })

  it('is watched until its last client is released', async () => {
    const guarded = guardedPool({ ...db.config, max: 1 })
    const { pool, clock, kinds } = guarded
    const client = await pool.connect()
    const ended = pool.end()
    clock.advance(2_000)
    expect(kinds()).toEqual(['blocked-shutdown'])
    expect(watched(guarded)).toEqual(['main'])
    client.release()
    await ended
    clock.advance(200)
    expect(watched(guarded)).toEqual([])
  })

  it('is watched while a caller waits that it will never serve', async () => {
    const guarded = guardedPool({ ...db.config, max: 1 })
    const { pool, clock, kinds } = guarded
    const client = await pool.connect()
    // The pool leaves it unanswered.
    void pool.connect().catch(() => {})
    const ended = pool.end()
    client.release()
    await Promise.race([ended, eventually(() => expect(pool.waitingCount).toBe(1))])
    clock.advance(6_000)
    expect(kinds()).toContain('pool-exhausted')
    expect(watched(guarded)).toEqual(['main'])
  })

  it('may be passed to watch again', async () => {
    const guarded = guardedPool({ ...db.config, max: 1 })
    const { pool, clock, lifeguard } = guarded
    await pool.query('SELECT 1')
    await pool.end()
    clock.advance(200)
    lifeguard.watch(pool, { name: 'again' })
    expect(watched(guarded)).toEqual(['again'])
    await expect(pool.query('SELECT 1')).rejects.toThrow('after calling end')
    clock.advance(200)
    expect(watched(guarded)).toEqual(['again'])
  })

  it('leaves nothing behind in a program that creates one after the other', async () => {
    const guarded = guardedPool({ ...db.config, max: 1 })
    const { clock, lifeguard } = guarded
    for (let n = 0; n < 10; n += 1) {
      const pool = new pg.Pool({ ...db.config, max: 1 })
      lifeguard.watch(pool, { name: `of call ${n}` })
      await pool.query('SELECT 1')
      await pool.end()
    }
    clock.advance(200)
    expect(watched(guarded)).toEqual(['main'])
  })
})
