import { describe, expect, it } from 'vitest'
import { explainFailure } from '../../../src/postgres/connection/failure.ts'
import type { SslMode } from '../../../src/postgres/connection/settings.ts'
import { connectControl } from '../../../src/postgres/index.ts'
import { useDatabase } from '../../support/database.ts'

const db = useDatabase()

describe('why there is no connection', () => {
  it('says that there is no password where the server asks for one', async () => {
    const url = new URL(db.url)
    url.password = ''
    const env = { PGPASSFILE: '/nowhere' }
    await expect(connectControl({ url: url.href, env })).rejects.toThrow(
      /: the server asks for a password, and none is set\nset PGPASSWORD or ~\/\.pgpass/,
    )
  })

  it('calls the user by its name, also where the password is the same', async () => {
    const url = new URL(db.url)
    Object.assign(url, { username: 'postgres', password: 'postgres' })
    const refused = await connectControl({ url: url.href, env: {} }).catch((error: unknown) => error)
    expect(String(refused)).toContain('as postgres: ')
    expect(String(refused)).toContain('failed for user "***"')
  })

  it('never prints the password', async () => {
    const wrong = new URL(db.url)
    wrong.password = 'hunter22'
    const errors = [
      await connectControl({ url: wrong.href, env: {} }).catch((error: Error) => error),
      await connectControl({ url: 'postgres://u:hunter22@127.0.0.1:1/db', env: {} }).catch(
        (error: Error) => error,
      ),
      await connectControl({ url: 'postgres://u:hunter22@[bad/db', env: {} }).catch((error: Error) => error),
      await connectControl({ url: 'postgres://u:%E0%A4hunter22@h/db', env: {} }).catch(
        (error: Error) => error,
      ),
    ]
    const reasons = errors.map((error) => {
      const { reason, code } = error as { reason?: string; code?: string }
      return reason ?? code
    })
    expect(reasons).toEqual(['28P01', 'ECONNREFUSED', 'LIFEGUARD_OPTION', 'LIFEGUARD_OPTION'])
    for (const error of errors)
      expect(`${(error as Error).stack} ${JSON.stringify(error)}`).not.toContain('hunter22')
  })
})

describe('what helps', () => {
  const adviceOn = (message: string, code: string | undefined, ssl: SslMode = 'prefer') => {
    const error = Object.assign(new Error(message), code === undefined ? {} : { code })
    const attempt = { host: 'db', port: 5432, database: 'shop', user: 'app', ssl }
    return explainFailure(error, attempt)[0].split('\n')[1]
  }
  const noEntry = (how: string) =>
    `no pg_hba.conf entry for host "10.0.0.7", user "app", database "shop", ${how}`

  it.each([
    [
      noEntry('no encryption'),
      '28000',
      'disable',
      'the server may want TLS: set sslmode=require, in the URL or as PGSSLMODE',
    ],
    [
      noEntry('no encryption'),
      '28000',
      'prefer',
      'tried with TLS and without; pg_hba.conf of the server has to allow this user, database and address',
    ],
    [
      noEntry('SSL encryption'),
      '28000',
      'require',
      'pg_hba.conf of the server has to allow this user, database and address, with TLS. To try without: sslmode=disable',
    ],
    ['role "app" does not exist', '28000', 'prefer', undefined],
    [
      'The server does not support SSL connections',
      undefined,
      'require',
      'to connect without TLS: sslmode=prefer or sslmode=disable',
    ],
    [
      'certificate has expired',
      'CERT_HAS_EXPIRED',
      'verify-full',
      'the certificate of the server has expired. sslmode=require encrypts without checking it',
    ],
    [
      "Host: db. is not in the cert's altnames",
      'ERR_TLS_CERT_ALTNAME_INVALID',
      'verify-full',
      'the certificate is for another host name: connect by that name, or check only its authority with sslmode=verify-ca',
    ],
    [
      'too many connections for database "shop"',
      '53300',
      'prefer',
      'only the limit of this database is reached: connect to another one, such as postgres, to see who is connected',
    ],
    [
      'too many connections for role "app"',
      '53300',
      'prefer',
      'only the limit of this role is reached: connect as another one',
    ],
    ['anything else', 'constructor', 'prefer', undefined],
  ] as const)('against %j (%s, sslmode=%s)', (message, code, ssl, expected) => {
    expect(adviceOn(message, code, ssl)).toBe(expected)
  })

  it.each([
    'SELF_SIGNED_CERT_IN_CHAIN',
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  ])('against a certificate that nobody here trusts: %s', (code) =>
    expect(adviceOn('no trust', code, 'verify-full')).toMatch(/sslrootcert=.*sslmode=require/),
  )
})
