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
})
