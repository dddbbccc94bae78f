import { describe, expect, it } from 'vitest'
import { connectionSettings } from '../../../src/postgres/connection/settings.ts'
import { connectControl } from '../../../src/postgres/index.ts'
import { useDatabase } from '../../support/database.ts'

const db = useDatabase()

describe('a file that a setting names', () => {
  it.each(['sslrootcert', 'sslcert', 'sslkey'])(
    'is asked for again when it is not there: %s',
    async (name) => {
      const url = `${db.url}?sslmode=require&${name}=/nowhere/at.all`
      await expect(connectControl({ url, env: {} })).rejects.toThrow(
        `${name} must be a file that can be read (ENOENT), got "/nowhere/at.all"`,
      )
    },
  )

  it('is no file where it says `system`: its certificates are trusted, for the right host only', async () => {
    const env = { PGSSLROOTCERT: 'system' }
    expect(connectionSettings({ url: db.url, env }).ssl).toBe('verify-full')
    // The server under test has no TLS: it comes to that.
    await expect(connectControl({ url: db.url, env })).rejects.toThrow('does not support SSL')
  })
})
