import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { connectionSettings } from '../../../src/postgres/connection/settings.ts'

describe('the service file', () => {
  it('reads the service file', () => {
    const folder = mkdtempSync(join(tmpdir(), 'pg-lifeguard-test-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const file = join(folder, 'services')
    writeFileSync(
      file,
      '# ours\n[other]\nhost=wrong\n\n[shop]\nhost = db.example.com\nport=5555\ndbname=shop\n',
    )
    const env = { PGSERVICEFILE: file, PGSERVICE: 'shop', PGUSER: 'u', PGHOST: 'ignored' }
    expect(connectionSettings({ env })).toEqual({
      host: 'db.example.com',
      port: 5555,
      database: 'shop',
      user: 'u',
      ssl: 'prefer',
    })
    expect(() => connectionSettings({ env: { ...env, PGSERVICE: 'missing' } })).toThrow(
      /section of .*services/,
    )
  })

  it('is asked for again when it is a folder', () => {
    const env = { PGSERVICEFILE: tmpdir(), PGSERVICE: 'shop' }
    expect(() => connectionSettings({ env })).toThrow('service file must be a file that can be read (EISDIR)')
  })
})
