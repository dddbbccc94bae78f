import pg from 'pg'
import { describe, expect, it, onTestFinished } from 'vitest'
import { ClosedError, createLifeguard, type LifeguardOptions, manualClock } from '../src/index.ts'
import { useDatabase } from './support/database.ts'

const db = useDatabase()

function unguarded(): pg.Pool {
  const pool = new pg.Pool({ ...db.config, max: 1 })
  onTestFinished(() => pool.end())
  return pool
}

function made(options: LifeguardOptions = {}) {
  const lifeguard = createLifeguard({ clock: manualClock(), reporters: [], ...options })
  onTestFinished(() => lifeguard.close())
  return lifeguard
}

describe('watch', () => {
  it('changes nothing the second time', () => {
    const pool = unguarded()
    const lifeguard = made()
    lifeguard.watch(pool, { name: 'main' })
    const { connect } = pool
    lifeguard.watch(pool, { name: 'other' })
    expect(pool.connect).toBe(connect)
    expect(lifeguard.snapshot().pools.map(({ name }) => name)).toEqual(['main'])
  })

  it('is taken back by the function that it returns, and may come again', () => {
    const pool = unguarded()
    const { connect } = pool
    const lifeguard = made()
    const unwatch = lifeguard.watch(pool)
    unwatch()
    expect([pool.connect, lifeguard.snapshot().pools]).toEqual([connect, []])
    lifeguard.watch(pool)
    unwatch()
    expect(lifeguard.snapshot().pools).toHaveLength(1)
  })

  it('says once which safety nets the pool lacks', () => {
    const messages: string[] = []
    const lifeguard = made({ reporters: [{ finding() {}, info: (message) => messages.push(message) }] })
    const pool = unguarded()
    lifeguard.watch(pool, { name: 'main' })
    lifeguard.watch(pool)
    expect(messages).toEqual([expect.stringMatching(/^pool main has no statement_timeout, /)])
  })
})

describe('close', () => {
  it('takes the guard off every pool, once', async () => {
    const pool = unguarded()
    const { connect } = pool
    const lifeguard = made()
    lifeguard.watch(pool)
    await lifeguard.close()
    await lifeguard.close()
    expect([pool.connect, lifeguard.snapshot().pools]).toEqual([connect, []])
    expect(() => lifeguard.watch(pool)).toThrow(ClosedError)
  })

  it('comes at the end of an `await using` block', async () => {
    const pool = unguarded()
    const { connect } = pool
    {
      await using lifeguard = createLifeguard({ reporters: [] })
      lifeguard.watch(pool)
      expect(pool.connect).not.toBe(connect)
    }
    expect(pool.connect).toBe(connect)
  })
})

describe('exempt', () => {
  it('of a client that is in no watched pool is said, and is no error', () => {
    const messages: string[] = []
    const lifeguard = made({ reporters: [{ finding() {}, info: (message) => messages.push(message) }] })
    lifeguard.exempt({ query() {} }, 'LISTEN connection')
    expect(messages).toEqual(['exempt: the client (LISTEN connection) is not checked out of a watched pool'])
  })
})
