import { EventEmitter } from 'node:events'
import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { withMadeClient } from '../../../src/hosts/slonik/made-client.ts'

const own = EventEmitter.prototype.on

/** Makes a client as a driver does, after some turns, and returns what makes up its connection. */
async function driver(turns: number, client = new pg.Client()): Promise<{ isMine(other: unknown): boolean }> {
  for (let turn = 0; turn < turns; turn += 1) await undefined
  const made = turns === 0 ? client : new pg.Client()
  new EventEmitter().on('error', () => {})
  made.on('error', () => {})
  made.on('notice', () => {})
  return { isMine: (other) => other === made }
}

describe('the client that is made inside', () => {
  it.each([0, 3])('is found %i turns later', async (turns) => {
    const { result, client } = await withMadeClient(() => driver(turns))
    expect(result.isMine(client)).toBe(true)
    expect(EventEmitter.prototype.on).toBe(own)
  })

  it('is that of each, where several are made at once', async () => {
    const all = await Promise.all([3, 0, 1, 2, 3, 3].map((turns) => withMadeClient(() => driver(turns))))
    expect(all.map(({ result, client }) => result.isMine(client))).toEqual(all.map(() => true))
    expect(EventEmitter.prototype.on).toBe(own)
  })

  it('is not one that somebody else makes meanwhile', async () => {
    const making = withMadeClient(async () => {
      await new Promise((resolve) => setImmediate(resolve))
      return 'none'
    })
    expect((await driver(0)).isMine(undefined)).toBe(false)
    expect(await making).toEqual({ result: 'none', client: undefined })
    expect(EventEmitter.prototype.on).toBe(own)
  })

  it('leaves no trace where making fails', async () => {
    const failing = withMadeClient(() => Promise.reject(new Error('refused')))
    await expect(failing).rejects.toThrow('refused')
    const thrown = withMadeClient(() => {
      throw new Error('at once')
    })
    await expect(thrown).rejects.toThrow('at once')
    expect(EventEmitter.prototype.on).toBe(own)
  })

  it('leaves alone who overrides the same method meanwhile', async () => {
    let calls = 0
    const { result, client } = await withMadeClient(async () => {
      const before = EventEmitter.prototype.on
      EventEmitter.prototype.on = function (...args) {
        calls += 1
        return before.apply(this, args)
      }
      return driver(1)
    })
    expect(result.isMine(client)).toBe(true)
    expect(EventEmitter.prototype.on).not.toBe(own)
    const seen = calls
    const again = await withMadeClient(() => driver(0))
    expect(again.result.isMine(again.client)).toBe(true)
    expect(calls).toBeGreaterThan(seen)
    EventEmitter.prototype.on = own
  })
})
