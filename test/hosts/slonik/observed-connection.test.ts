import { EventEmitter } from 'node:events'
import { describe, expect, it } from 'vitest'
import { createLifeguard, manualClock } from '../../../src/index.ts'
import { createToySlonik, toyConnection } from './toy-slonik.ts'

/** A pool whose connections answer when the test says so. */
async function observed() {
  let answer: (failure?: Error) => void = () => {}
  const stream = new EventEmitter()
  const query = (text: string) =>
    text.startsWith('DISCARD')
      ? Promise.resolve()
      : new Promise<void>((resolve, reject) => {
          answer = (failure) => (failure === undefined ? resolve() : reject(failure))
        })
  const createClient = async () => ({
    ...toyConnection({ query, end: async () => {} }),
    stream: () => stream,
  })
  const pool = await createToySlonik({ driverFactory: async () => ({ createClient }) })
  const clock = manualClock()
  const lifeguard = createLifeguard({ clock, reporters: [] })
  const unwatch = lifeguard.watch(pool)
  return {
    pool,
    lifeguard,
    clock,
    unwatch,
    stream,
    answer: (failure?: Error) => answer(failure),
    seen: () => lifeguard.snapshot().checkouts[0],
  }
}

describe('a connection whose client cannot be reached', () => {
  it('is busy from a statement to its answer', async () => {
    const { pool, clock, answer, seen } = await observed()
    await pool.connect(async (owner) => {
      const answered = owner.query('SELECT 1')
      clock.advance(400)
      expect(seen()).toMatchObject({ queryCount: 1, busyMillis: 400, idleMillis: 0, transaction: 'unknown' })
      answer()
      await answered
      clock.advance(300)
      expect(seen()).toMatchObject({ queryCount: 1, busyMillis: 400, idleMillis: 300 })
    })
    expect(seen()).toBeUndefined()
  })

  it('passes on what fails', async () => {
    const { pool, answer, seen } = await observed()
    await pool.connect(async (owner) => {
      const failing = owner.query('SELECT 1')
      answer(new Error('its own'))
      await expect(failing).rejects.toThrow('its own')
      expect(seen()).toMatchObject({ queryCount: 1 })
    })
  })

  it('is busy while a stream is open', async () => {
    const { pool, clock, stream, seen } = await observed()
    await pool.connect(async ({ connection }) => {
      expect(connection.stream('SELECT 1')).toBe(stream)
      clock.advance(200)
      expect(seen()).toMatchObject({ busyMillis: 200, idleMillis: 0 })
      stream.emit('close')
      clock.advance(100)
      expect(seen()).toMatchObject({ busyMillis: 200, idleMillis: 100 })
    })
  })

  it('is over when it is closed, though its owner does not know', async () => {
    const { pool, seen } = await observed()
    await pool.connect(async ({ connection }) => {
      expect(seen()).toBeDefined()
      await connection.destroy()
      expect(seen()).toBeUndefined()
    })
  })

  it('has its own methods again after unwatch', async () => {
    const { pool, unwatch } = await observed()
    await pool.connect(async ({ connection }) => {
      const watched = connection.query
      unwatch()
      expect(connection.query).not.toBe(watched)
      expect(Object.keys(connection)).toContain('query')
    })
  })
})
