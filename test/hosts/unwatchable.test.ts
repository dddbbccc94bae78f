import { fastify } from 'fastify'
import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import { describe, expect, it } from 'vitest'
import type { Watchable } from '../../src/hosts/pool-source.ts'
import { createLifeguard, WatchError } from '../../src/index.ts'

const nothing = () => {}

describe('what cannot be watched is named, with what to pass instead', () => {
  it.each<[string, () => unknown, RegExp]>([
    [
      'Kysely',
      () => new Kysely<object>({ dialect: new PostgresDialect({ pool: new pg.Pool() }) }),
      /Kysely.*watch the pg.Pool that you pass to PostgresDialect/,
    ],
    [
      'Prisma',
      () => ({ $connect: nothing, $disconnect: nothing, $transaction: nothing }),
      /Prisma.*new PrismaPg\(pool\)/,
    ],
    [
      'the sql of one transaction of postgres.js',
      () => Object.assign(() => {}, { unsafe: nothing, notify: nothing, array: nothing, typed: nothing }),
      /postgres\.js.*watch the sql that it comes from/,
    ],
    ['a Fastify application', () => fastify(), /Fastify application: watch its app\.pg/],
    [
      'a runner of graphile-worker',
      () => ({ addJob: nothing, stop: nothing, events: {} }),
      /graphile-worker: .*run\(\{ pgPool: pool \}\)/,
    ],
    [
      'a store of connect-pg-simple',
      () => ({ pruneSessions: nothing, quotedTable: nothing, query: nothing }),
      /connect-pg-simple: .*new Store\(\{ pool \}\)/,
    ],
    [
      'a MySQL pool',
      () => ({ getConnection: nothing, query: nothing, format: nothing, connect: nothing }),
      /MySQL.*not PostgreSQL/,
    ],
    ['Drizzle over another driver', () => ({ $client: Object.assign(nothing, {}) }), /expects a pg\.Pool/],
  ])('%s', (_name, make, message) => {
    const lifeguard = createLifeguard({ reporters: [] })
    const watch = () => lifeguard.watch(make() as Watchable)
    expect(watch).toThrow(WatchError)
    expect(watch).toThrow(message)
  })
})
