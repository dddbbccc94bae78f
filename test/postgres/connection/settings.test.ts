import { describe, expect, it } from 'vitest'
import { connectionSettings } from '../../../src/postgres/connection/settings.ts'

describe('connection settings', () => {
  it('takes what the URL leaves out from the environment, and DATABASE_URL before PGHOST', () => {
    const env = {
      PGHOST: 'h',
      PGPORT: '1',
      PGUSER: 'eu',
      PGPASSWORD: 'pw',
      PGDATABASE: 'ed',
      PGSSLMODE: 'disable',
    }
    expect(connectionSettings({ env })).toEqual({
      host: 'h',
      port: 1,
      user: 'eu',
      password: 'pw',
      database: 'ed',
      ssl: 'disable',
    })
    expect(connectionSettings({ env: { ...env, DATABASE_URL: 'postgres://a@b/c' } })).toMatchObject({
      host: 'b',
      user: 'a',
      database: 'c',
    })
    expect(connectionSettings({ env, database: 'other' }).database).toBe('other')
  })
})
