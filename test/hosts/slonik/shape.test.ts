import { describe, expect, it } from 'vitest'
import { connectionBehind, isSlonikPool, sizesOf } from '../../../src/hosts/slonik/shape.ts'
import { createToySlonik, ToyOwner, toyConnection } from './toy-slonik.ts'

describe('the shape of a Slonik pool', () => {
  it('is its methods and the interceptors of its configuration', async () => {
    const pool = await createToySlonik({ driverFactory: async () => ({}) })
    expect(isSlonikPool(pool)).toBe(true)
    expect(isSlonikPool({ ...pool, configuration: {} })).toBe(false)
    expect(isSlonikPool({ ...pool, state: undefined })).toBe(false)
    for (const other of [null, undefined, 'pool', () => {}]) expect(isSlonikPool(other)).toBe(false)
  })

  it('has a connection of the driver behind the one that work gets', () => {
    const connection = toyConnection({ query: async () => [], end: async () => {} })
    expect(connectionBehind(new ToyOwner(connection))).toBe(connection)
    // A client of node-postgres has something of that name, too.
    for (const other of [{ connection: { on() {} } }, { connection: null }, {}, undefined])
      expect(connectionBehind(other)).toBeUndefined()
  })

  it('has its sizes under their present names and their former ones', () => {
    expect(sizesOf({ interceptors: [], maxPoolSize: 3, minPoolSize: 1, maximumPoolSize: 9 })).toEqual({
      max: 3,
      min: 1,
    })
    expect(sizesOf({ interceptors: [], maximumPoolSize: 9, minimumPoolSize: 2 })).toEqual({ max: 9, min: 2 })
  })
})
