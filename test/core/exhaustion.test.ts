import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { describeHolder, nameHolders } from '../../src/core/exhaustion.ts'
import type { Holder } from '../../src/core/findings/finding.ts'
import { PoolExhaustedError } from '../../src/errors.ts'
import { pretendedPool } from './pretended-pool.ts'

const frame = { file: '/app/src/users.ts', line: 12, column: 3 }
const holders: Holder[] = [
  {
    via: 'connect',
    origin: { ...frame, frames: [frame] },
    heldMillis: 41_200,
    transaction: 'open',
    idleMillis: 40_000,
    pid: 4711,
    lastQuery: 'SELECT ?',
  },
  { via: 'pool.query', pid: 4712 },
]

function timeout(): Error {
  return new Error('timeout exceeded when trying to connect')
}

describe("the pool's own timeout error", () => {
  it('keeps its message and gains the holders, and a cause that can be read', () => {
    const error = timeout()
    nameHolders(error, pretendedPool().pool, holders)
    expect(error.message).toBe('timeout exceeded when trying to connect')
    expect(Reflect.get(error, 'holders')).toBe(holders)
    expect(error.cause).toBeInstanceOf(PoolExhaustedError)
    expect((error.cause as Error).message).toBe(`pool main: all 10 clients are taken
  - /app/src/users.ts:12:3, held for 41.2 s, transaction open, idle for 40 s, server pid 4711, last query: SELECT ?
  - pool.query, server pid 4712`)
  })

  it('says how many wait, too', () => {
    const { pool, wait } = pretendedPool()
    wait()
    wait()
    const error = timeout()
    nameHolders(error, pool, [])
    expect((error.cause as Error).message).toBe('pool main: all 10 clients are taken, 2 more callers wait')
  })

  it('is printed with the cause, and with the holders once', () => {
    const error = timeout()
    nameHolders(error, pretendedPool().pool, holders)
    const printed = inspect(error)
    expect(printed).toContain('[cause]')
    expect(printed.match(/server pid 4711/g)).toHaveLength(1)
    expect(printed).not.toContain('heldMillis')
  })

  it('keeps a cause and holders that it has', () => {
    const cause = new Error('somebody knew')
    const error = new Error('timeout', { cause })
    nameHolders(error, pretendedPool().pool, holders)
    expect(error.cause).toBe(cause)
    expect(Reflect.get(error, 'holders')).toBe(holders)

    const other = Object.assign(timeout(), { holders: 'mine' })
    nameHolders(other, pretendedPool().pool, holders)
    expect([other.holders, other.cause]).toEqual(['mine', undefined])
  })

  it('is left alone where it cannot be changed', () => {
    for (const close of [Object.freeze, Object.seal, Object.preventExtensions]) {
      const error = close(timeout())
      nameHolders(error, pretendedPool().pool, holders)
      expect([Object.hasOwn(error, 'holders'), error.cause]).toEqual([false, undefined])
    }
  })
})

describe('a holder in one line', () => {
  it.each<[Holder, string]>([
    [{ via: 'connect' }, 'connect'],
    [{ via: 'connect', heldMillis: 0 }, 'connect, held for 0 ms'],
    [{ via: 'connect', transaction: 'idle', idleMillis: 5000 }, 'connect'],
    [{ via: 'connect', transaction: 'failed', idleMillis: 0 }, 'connect, transaction failed'],
    [{ via: 'connect', exemption: 'LISTEN connection' }, 'connect, exempted: LISTEN connection'],
    [{ via: 'pool.query', lastQuery: 'SELECT ?' }, 'pool.query, last query: SELECT ?'],
  ])('%o is %j', (holder, line) => {
    expect(describeHolder(holder)).toBe(line)
  })
})
