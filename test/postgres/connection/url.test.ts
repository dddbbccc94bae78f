import { describe, expect, it } from 'vitest'
import { connectionSettings } from '../../../src/postgres/connection/settings.ts'

describe('a connection URL', () => {
  it.each([
    [
      'postgres://u:p%40ss@db.example.com:6000/shop?sslmode=require',
      { host: 'db.example.com', port: 6000, user: 'u', password: 'p@ss', database: 'shop', ssl: 'require' },
    ],
    [
      'postgresql://u@/shop?host=/run/pg',
      { host: '/run/pg', port: 5432, user: 'u', database: 'shop', ssl: 'prefer' },
    ],
    ['postgres://u@[::1]:5433', { host: '::1', port: 5433, user: 'u', database: 'u', ssl: 'prefer' }],
  ])('reads %s', (url, expected) => {
    expect(connectionSettings({ url, env: {} })).toEqual(expected)
  })

  it.each([
    [
      { url: 'postgres://u:hunter22@a:1,b:2/shop' },
      'url must name one host, not a list, got a text that is not shown',
    ],
    [{ env: { DATABASE_URL: 'postgres://a,b' } }, 'DATABASE_URL must name one host, not a list'],
    [{ env: { PGHOST: 'a,b', PGPORT: '1,2' } }, 'host must be one host, not a list, got "a,b"'],
  ])('takes one server, not a list of them: %j', (options, message) => {
    expect(() => connectionSettings({ env: {}, ...options })).toThrow(message)
  })

  it('takes a comma elsewhere for what it is', () => {
    expect(connectionSettings({ url: 'postgres://u:p,w@h/a,b', env: {} })).toMatchObject({
      host: 'h',
      password: 'p,w',
      database: 'a,b',
    })
  })

  it.each([
    ['postgresql+psycopg2://app:hunter22@db/shop', 'must begin with postgresql://, without +psycopg2'],
    ['postgresql+asyncpg://app:hunter22@db/shop', 'must begin with postgresql://, without +asyncpg'],
    ['jdbc:postgresql://db/shop?user=app&password=hunter22', 'must have no jdbc: in front'],
    ['"postgres://app:hunter22@db/shop"', 'must have no quotes around it'],
    ["'postgres://app:hunter22@db/shop'", 'must have no quotes around it'],
    ['postgres://app:hunter22@db/shop"', 'must have no quotes around it'],
    ['postgres://app:hunter#22@db/shop', 'must have a # in its user or password percent-encoded, as %23'],
    ['postgres://app:#hunter22@db/shop', 'as %23'],
    [
      'postgres://app:hunter/22@db/shop',
      'must have special characters of its password percent-encoded: / as %2F',
    ],
    ['postgres://app:hunter?22@db/shop', '? as %3F'],
    ['postgres://app:hunter%22%zz@db/shop', 'must have special characters, such as %, percent-encoded'],
    ['mysql://app:hunter22@db/shop', 'must begin with postgres:// or postgresql://, not with mysql://'],
    ['prisma+postgres://accelerate.prisma-data.net/?api_key=hunter22', 'not of Prisma'],
    ['host=db dbname=shop password=hunter22', 'not a list of keywords; or set PGHOST'],
    ['$DATABASE_URL', 'must be the URL itself, not the name of a variable'],
    ['localhost:5432/hunter22', 'must look like postgres://user@host:5432/database'],
  ])('names what is wrong with %j, and does not show it', (url, message) => {
    let error: unknown
    try {
      connectionSettings({ url, env: {} })
    } catch (thrown) {
      error = thrown
    }
    expect(error).toMatchObject({ code: 'LIFEGUARD_OPTION', message: expect.stringContaining(message) })
    expect((error as Error).message).not.toMatch(/hunter/)
  })

  it('is trimmed: a file has a line break at its end', () => {
    expect(connectionSettings({ url: ' postgres://app@db/shop\n', env: {} })).toMatchObject({
      host: 'db',
      database: 'shop',
    })
  })
})
