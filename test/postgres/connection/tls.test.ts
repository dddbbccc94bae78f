import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connectControl } from '../../../src/postgres/index.ts'
import type { EmbeddedServer } from '../../support/embedded-server.ts'
import { eventually } from '../../support/eventually.ts'
import { startOwnServer } from '../sessions.ts'

const hasOpenSsl = spawnSync('openssl', ['version']).status === 0
if (!hasOpenSsl) console.warn('skipped: TLS: openssl is not installed')

describe.skipIf(!hasOpenSsl)('TLS', () => {
  const folder = mkdtempSync(join(tmpdir(), 'pg-lifeguard-tls-'))
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
  let server: EmbeddedServer | undefined

  beforeAll(async () => {
    const request = 'req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost'.split(' ')
    const names = ['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
    spawnSync('openssl', [...request, ...names, '-keyout', key, '-out', cert])
    server = await startOwnServer()
    const client = new pg.Client(server.url)
    await client.connect()
    // Written by the server, for it wants to own its key.
    for (const [name, file] of [
      ['server.crt', cert],
      ['server.key', key],
    ] as const) {
      const lines = readFileSync(file, 'utf8').trim().replaceAll('\n', '|')
      await client.query(
        `COPY (SELECT unnest(string_to_array('${lines}', '|'))) TO PROGRAM 'umask 077; cat > ${name}'`,
      )
    }
    await client.query('ALTER SYSTEM SET ssl = on')
    await client.query('SELECT pg_reload_conf()')
    await eventually(async () => {
      expect((await client.query('SHOW ssl')).rows).toEqual([{ ssl: 'on' }])
    })
    await client.end()
  })
  afterAll(async () => {
    await server?.stop()
    rmSync(folder, { recursive: true })
  })

  const isEncrypted = async (query: string) => {
    await using control = await connectControl({ url: `${server?.url}${query}`, env: {} })
    const { rows } = await control.query(
      'SELECT ssl FROM pg_catalog.pg_stat_ssl WHERE pid = pg_backend_pid()',
    )
    return (rows[0] as { ssl: boolean }).ssl
  }

  it.each([
    ['', true],
    ['?sslmode=prefer', true],
    ['?sslmode=require', true],
    ['?sslmode=no-verify', true],
    ['?sslmode=allow', false],
    ['?sslmode=disable', false],
  ])('is used as libpq would, with %j', async (query, expected) => {
    expect(await isEncrypted(query)).toBe(expected)
  })

  it('verifies the certificate where it is asked to', async () => {
    const root = `&sslrootcert=${encodeURIComponent(cert)}`
    expect(await isEncrypted(`?sslmode=verify-full${root}`)).toBe(true)
    expect(await isEncrypted(`?sslmode=verify-ca${root}`)).toBe(true)
    await expect(isEncrypted('?sslmode=verify-full')).rejects.toMatchObject({
      name: 'ConnectionError',
      reason: 'DEPTH_ZERO_SELF_SIGNED_CERT',
      message: expect.stringMatching(/\n.*sslrootcert=\/path\/to\/ca\.pem.*sslmode=require$/),
    })
  })
})
