import { describe, expect, it } from 'vitest'
import { eventually } from '../../support/eventually.ts'
import { deferred, guardedToy } from './guarded-toy.ts'
import type { ToySql } from './toy-driver.ts'

describe('the connections of postgres.js that are known', () => {
  it('are full when owners, and callers before this one, have or will have them all', async () => {
    const { sql, lifeguard, checkouts } = guardedToy({}, 2)
    const stuck = deferred()
    const open = [1, 2, 3, 4].map(() => sql.begin(() => stuck.promise))
    // None has a connection yet: the first two will get one at once.
    expect(checkouts().map(({ phase }) => phase)).toEqual(['waiting', 'waiting'])
    await eventually(() => expect(lifeguard.snapshot().pools).toMatchObject([{ out: 2, waiting: 2 }]))
    stuck.resolve()
    await Promise.all(open)
    expect(lifeguard.snapshot().pools).toMatchObject([{ out: 0, waiting: 0 }])
  })

  it('know whose statement it is by the sql that has made it', async () => {
    const { sql, findings } = guardedToy({ mode: 'enforce' })
    let kept: ToySql = sql
    await sql.begin(async (tx) => {
      kept = tx
    })
    const reserved = await sql.reserve()
    await expect(kept`SELECT 1`).rejects.toMatchObject({ code: 'LIFEGUARD_SESSION_RELEASED' })
    await expect(reserved`SELECT 2`).resolves.toHaveProperty('0.text', 'SELECT 2')
    expect(findings).toMatchObject([{ kind: 'use-after-release' }])
    reserved.release()
  })

  it('are exempt by what their owners got, and no longer than these have them', async () => {
    const { sql, lifeguard, checkouts } = guardedToy()
    const first = await sql.reserve()
    lifeguard.exempt(first as never, 'by design')
    expect(checkouts()).toMatchObject([{ exemption: 'by design' }])
    first.release()
    const second = await sql.reserve()
    lifeguard.exempt(first as never, 'too late')
    expect(checkouts()[0]?.exemption).toBeUndefined()
    second.release()
  })
})
