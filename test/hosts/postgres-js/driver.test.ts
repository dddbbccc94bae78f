import { describe, expect, it } from 'vitest'
import { type DriverSql, ownQuery } from '../../../src/hosts/postgres-js/driver.ts'
import { ToyDriver } from './toy-driver.ts'

describe('the sql of postgres.js', () => {
  it('makes statements that are not sent by being awaited, and whose failure nobody has to handle', async () => {
    const { sql, connections } = new ToyDriver()
    const query = ownQuery(sql as unknown as DriverSql, 'fail')
    await Promise.resolve()
    expect(connections[0]?.written).toEqual([])
    query.reject(new Error('nobody waits for this'))
    await expect(query).rejects.toThrow('nobody waits')
    expect(connections[0]?.written).toEqual([])
  })
})
