import { describe, expect, it } from 'vitest'
import { childEnvironment } from '../../../src/cli/migrate/child-environment.ts'
import { migrate, useDatasets } from './migrations.ts'

const db = useDatasets()

describe('the environment of a command', () => {
  const wishes = { token: '0123abcd', lockTimeoutMillis: 5_000, withOptions: true }

  it('keeps the application name within what PostgreSQL keeps of it, with the mark of the run', () => {
    const long = childEnvironment({ PGAPPNAME: 'ä'.repeat(60) }, wishes).application
    expect(Buffer.byteLength(long)).toBeLessThanOrEqual(63)
    expect(long).toMatch(/^ä+ pg-lifeguard migrate 0123abcd$/)
  })

  it('leaves options alone where none are wanted', () => {
    const given = { PGOPTIONS: '-c work_mem=1MB' }
    expect(childEnvironment(given, { ...wishes, withOptions: false }).env.PGOPTIONS).toBe('-c work_mem=1MB')
    expect(childEnvironment(given, { ...wishes, lockTimeoutMillis: 0 }).env.PGOPTIONS).toBe('-c work_mem=1MB')
  })
})

describe('a command under migrate', () => {
  it('adds to PGAPPNAME and PGOPTIONS what it needs, and overwrites nothing', async () => {
    const print = ['sh', '-c', 'echo "$PGAPPNAME|$PGOPTIONS"']
    const plain = migrate(db, [], print)
    await plain.ended
    expect(plain.out()).toMatch(/^pg-lifeguard migrate [0-9a-f]{8}\|-c lock_timeout=5000ms\n$/)
    const env = { PGAPPNAME: 'deploy', PGOPTIONS: '-c search_path=shop' }
    const added = migrate(db, ['--lock-timeout', '1s'], print, { env })
    await added.ended
    expect(added.out()).toMatch(
      /^deploy pg-lifeguard migrate [0-9a-f]{8}\|-c search_path=shop -c lock_timeout=1000ms\n$/,
    )
    for (const PGOPTIONS of ['-c lock_timeout=1s', '--lock-timeout=1s', '-c LOCK_TIMEOUT=1s']) {
      const own = migrate(db, [], print, { env: { PGOPTIONS } })
      await own.ended
      expect(own.out().trim().split('|').at(-1)).toBe(PGOPTIONS)
    }
    const none = migrate(db, ['--no-pgoptions'], print)
    await none.ended
    expect(none.out()).toMatch(/\|\n$/)
  })
})
