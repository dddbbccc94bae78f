import { describe, expect, it } from 'vitest'
import { eventually } from '../../support/eventually.ts'
import { deferred, guardedToy } from './guarded-toy.ts'

describe('a connection of postgres.js', () => {
  it('stays that of the owner whose transaction a remedy has rolled back, until its work has come to its end', async () => {
    const { sql, connections, found, checkouts } = guardedToy({ mode: 'enforce' }, 2)
    const [connection] = connections
    const stuck = deferred()
    const failed = sql.begin(() => stuck.promise).catch((error: unknown) => error)
    expect(await found('idle-transaction')).toMatchObject({ outcome: 'rolled-back' })
    expect(connection?.letter).toBe('I')
    expect(connection?.reserved).not.toBeNull()
    stuck.resolve()
    expect(await failed).toMatchObject({ code: 'LIFEGUARD_TRANSACTION_ROLLED_BACK' })
    await eventually(() => expect(connection?.reserved).toBeNull())
    expect(connection?.written).toEqual(['begin', 'ROLLBACK', ''])
    expect(checkouts()).toEqual([])
  })

  it('ends with a ROLLBACK of the driver that has something to roll back', async () => {
    const { sql, connections, found } = guardedToy({ mode: 'enforce' })
    const stuck = deferred()
    const failed = sql
      .begin(async () => {
        await stuck.promise
        throw new Error('mine')
      })
      .catch((error: unknown) => error)
    await found('idle-transaction')
    stuck.resolve()
    expect(await failed).toMatchObject({ message: 'mine' })
    expect(connections[0]?.written).toEqual(['begin', 'ROLLBACK', 'begin', 'rollback'])
    await eventually(() => expect(connections[0]?.reserved).toBeNull())
  })

  it('that the driver takes back in the middle of the work has no owner any more', async () => {
    const { sql, kinds, checkouts } = guardedToy()
    await sql.begin(async (tx) => {
      await tx`commit`
      expect(checkouts()).toEqual([])
    })
    expect(kinds()).toEqual(['use-after-release'])
  })

  it('that is lost ends the checkout, and rejects what its owner sends after that', async () => {
    const { sql, connections, kinds, checkouts } = guardedToy()
    const reserved = await sql.reserve()
    const lost = new Error('lost')
    connections[0]?.close(lost)
    expect(checkouts()).toEqual([])
    expect(kinds()).toEqual(['session-killed'])
    await expect(reserved`SELECT 1`).rejects.toBe(lost)
    reserved.release()
    expect(connections[0]?.written).toEqual([''])
    expect(kinds()).toEqual(['session-killed'])
  })

  it('that the application itself closes is not told of as killed', async () => {
    const { sql, connections, kinds, checkouts } = guardedToy()
    await sql.reserve()
    connections[0]?.terminate()
    expect(checkouts()).toEqual([])
    expect(kinds()).toEqual([])
  })

  it('carries a session after the other', async () => {
    const { sql, connections, checkouts } = guardedToy()
    const first = await sql.reserve()
    connections[0]?.close()
    first.release()
    const second = await sql.reserve()
    expect(checkouts()).toMatchObject([{ pid: 102 }])
    second.release()
    expect(checkouts()).toEqual([])
  })

  it('is as it was found after unwatch, at the latest when its owner has come to its end', async () => {
    const { sql, connections, unwatch } = guardedToy()
    const [connection] = connections
    const own = Object.keys(connection ?? {})
    const stuck = deferred()
    const open = sql.begin(() => stuck.promise)
    await eventually(() => expect(connection?.written).toEqual(['begin']))
    await new Promise(setImmediate)
    unwatch()
    stuck.resolve()
    await open
    expect(Object.getOwnPropertyDescriptor(connection, 'reserved')).toMatchObject({
      value: null,
      writable: true,
    })
    expect(Object.keys(connection ?? {})).toEqual(expect.arrayContaining(own))
  })
})
