import { createRequire } from 'node:module'
import { describe, expect, it } from 'vitest'
import { followPackages, packageOf } from '../../src/register/loaded-packages.ts'

describe('the package of a module', () => {
  it.each([
    ['pg-pool', 'pg-pool'],
    ['pg/lib/client', 'pg'],
    ['@koa/router', '@koa/router'],
    ['/app/node_modules/koa/lib/application.js', 'koa'],
    ['/app/node_modules/.pnpm/pg-pool@3.14.0/node_modules/pg-pool/index.js', 'pg-pool'],
    ['C:\\app\\node_modules\\@scope\\name\\index.js', '@scope/name'],
    ['./client', undefined],
    ['/app/src/pg-pool.js', undefined],
    ['C:\\app\\src\\tarn.js', undefined],
    ['node:path', undefined],
  ])('%s: %s', (id, name) => {
    expect(packageOf(id)).toBe(name)
  })
})

it('shows what a package exports, and what is required again', () => {
  const loaded: [string, unknown][] = []
  followPackages((name, exported) => loaded.push([name, exported]))
  const require = createRequire(import.meta.url)
  // Not pg-pool: the instrumentation of OpenTelemetry, which another test may have brought, keeps what it has patched.
  const cursor = require('pg-cursor')
  expect(loaded).toContainEqual(['pg-cursor', cursor])
  expect(() => require('./nowhere.cjs')).toThrow(/nowhere/)
})
