import { EventEmitter } from 'node:events'
import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { WatchError } from '../../src/errors.ts'
import { poolSourceOf } from '../../src/hosts/pool-source.ts'
import { asPool } from '../../src/hosts/watchable.ts'

const method = () => {}
const both = { connect: method, query: method }
class Both {
  connect(): void {}
  query(): void {}
}

describe("what merely has the names of a pool's methods", () => {
  it.each<[string, object, string]>([
    ['a pool of another database', { ...both, request: method, batch: method }, 'request, batch'],
    [
      'a class around a pool',
      new (class Database extends Both {
        transaction(): void {}
      })(),
      'transaction',
    ],
  ])('is refused, and described: %s', (_, host, shown) => {
    expect(() => asPool(host)).toThrow(WatchError)
    expect(() => asPool(host)).toThrow(shown)
    expect(() => asPool(host)).toThrow('watch the pool inside it')
  })

  it('is refused with the name of the property that holds the pool', () => {
    class Database extends Both {
      readonly inner = new pg.Pool()
      transaction(): void {}
    }
    expect(() => asPool(new Database())).toThrow('watch the pool inside it, its property inner')
  })

  it('is refused by its name where it is known, as a MySQL pool is', () => {
    // The shape of the real one.
    const mysql = { ...both, getConnection: method, format: method, configuration: {} }
    expect(() => poolSourceOf(mysql)).toThrow('a MySQL pool')
  })
})

describe('a pool', () => {
  it('may have methods of its own', () => {
    class OwnPool extends pg.Pool {
      transaction(): void {}
    }
    const pool = new OwnPool()
    expect(asPool(pool)).toBe(pool)
  })

  it('may be nothing but its two methods, or an emitter with them', () => {
    for (const host of [{ ...both }, Object.assign(new EventEmitter(), both)]) {
      expect(asPool(host)).toBe(host)
    }
  })

  it('may count its connections and have any other method, as postgres-pool does', () => {
    const host = { ...both, totalCount: 0, waitForConnection: method }
    expect(asPool(host)).toBe(host)
  })
})
