import { describe, expect, it } from 'vitest'
import type { LifeguardOptions } from '../../src/index.ts'
import { useDatabase } from '../support/database.ts'
import { guardedPool } from '../support/guarded-pool.ts'

const db = useDatabase()

function guarded(options: LifeguardOptions = {}) {
  return guardedPool({ ...db.config, max: 1 }, options)
}

const tenantOf = async ({ pool }: ReturnType<typeof guarded>) =>
  (await pool.query("SELECT current_setting('app.tenant', true) AS tenant")).rows[0]?.tenant || undefined

describe('state that an owner leaves', () => {
  it.each<[string, LifeguardOptions, string | undefined, string[]]>([
    ['reaches the next owner in observe', {}, 'alice', ['session-state']],
    ['is reset in enforce', { mode: 'enforce' }, undefined, ['session-state']],
    ['may be there by the options', { sessionState: { ignore: ['App.Tenant'] } }, 'alice', []],
    ['is not judged at all if that is switched off', { sessionState: false }, 'alice', []],
  ])('%s', async (_what, options, tenant, kinds) => {
    const found = guarded(options)
    const client = await found.pool.connect()
    await client.query("SET app.tenant = 'alice'")
    client.release()
    expect(await tenantOf(found)).toBe(tenant)
    expect(found.kinds()).toEqual(kinds)
  })

  it('is found behind a function only where the server is asked', async () => {
    const verified = guarded({ sessionState: { verify: true } })
    const judged = guarded()
    const leave = "DO $$ BEGIN PERFORM set_config('search_path', 'pg_catalog', false); END $$"
    for (const { pool } of [verified, judged]) {
      const client = await pool.connect()
      await client.query(leave)
      client.release()
    }
    expect(await verified.found('session-state')).toMatchObject({ left: ['search_path'] })
    expect(judged.kinds()).toEqual([])
  })
})
