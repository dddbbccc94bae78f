import { defineConfig, EntitySchema, MikroORM } from '@mikro-orm/postgresql'
import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createLifeguard, type Finding, manualClock, WatchError } from '../../../../../src/index.ts'
import { useDatabase } from '../../../../support/database.ts'
import { eventually } from '../../../../support/eventually.ts'
import { hereLine } from '../../../../support/guarded-pool.ts'

const db = useDatabase()
const file = import.meta.filename

const Note = new EntitySchema({ name: 'Note', properties: { id: { type: 'number', primary: true } } })

function lifeguardFor() {
  const clock = manualClock()
  const lifeguard = createLifeguard({ clock, reporters: [], limits: { idleTransactionMillis: 1_000 } })
  const findings: Finding[] = []
  lifeguard.on('finding', (finding) => findings.push(finding))
  onTestFinished(() => lifeguard.close())
  return { lifeguard, clock, findings, names: () => lifeguard.snapshot().pools.map(({ name }) => name) }
}

function ormFor(more: object = {}): MikroORM {
  const { host, port, user, password, database } = db.config
  const orm = new MikroORM(
    defineConfig({ entities: [Note], host, port, user, password, dbName: database, ...more }),
  )
  onTestFinished(() => orm.close(true))
  return orm
}

describe('a MikroORM instance', () => {
  it('is watched by any of its parts, before it connects', async () => {
    const orm = ormFor()
    for (const host of [orm, orm.em, orm.em.fork(), orm.driver, orm.em.getDriver()]) {
      const { lifeguard, clock, findings, names } = lifeguardFor()
      const unwatch = lifeguard.watch(host, { name: 'orm' })
      await orm.connect()
      expect(names()).toEqual(['orm'])
      const em = orm.em.fork()
      const line = hereLine(1)
      await em.begin()
      clock.advance(1_200)
      expect(findings).toMatchObject([{ kind: 'idle-transaction', origin: { file, line } }])
      await em.rollback()
      unwatch()
      await orm.close(true)
    }
  })

  it('is watched when it is connected already, a turn later', async () => {
    const orm = ormFor()
    await orm.connect()
    const { lifeguard, names } = lifeguardFor()
    lifeguard.watch(orm, { name: 'orm' })
    await eventually(() => expect(names()).toEqual(['orm']))
  })

  it('has a transaction found that begins right after watch, when it is connected already', async () => {
    const orm = ormFor()
    await orm.connect()
    await orm.em.getConnection().execute('SELECT 1')
    const { lifeguard, clock, findings } = lifeguardFor()
    const em = orm.em.fork()
    lifeguard.watch(orm, { name: 'orm' })
    const line = hereLine(1)
    await em.begin()
    clock.advance(1_200)
    await em.rollback()
    expect(findings).toMatchObject([{ kind: 'idle-transaction', pool: 'orm', origin: { file, line } }])
  })

  it.each(['Kysely instance', 'dialect'] as const)(
    'is refused with a %s of the application, connected or not, and says what to watch',
    async (what) => {
      const pool = new pg.Pool({ ...db.config })
      const dialect = new PostgresDialect({ pool })
      const orm = ormFor({ driverOptions: what === 'dialect' ? dialect : new Kysely({ dialect }) })
      const { lifeguard } = lifeguardFor()
      const expected = /^watch\(orm\) found driverOptions with a dialect or Kysely.*watch the pool behind it$/
      expect(() => lifeguard.watch(orm)).toThrow(expected)
      await orm.connect()
      expect(() => lifeguard.watch(orm)).toThrow(expected)
      lifeguard.watch(pool)
    },
  )

  it('has its replicas watched by names of their own', async () => {
    const { host, port } = db.config
    const orm = ormFor({
      replicas: [
        { host, port },
        { host, port },
      ],
    })
    const { lifeguard, names } = lifeguardFor()
    lifeguard.watch(orm, { name: 'orm' })
    await orm.connect()
    expect(names()).toEqual(['orm', 'orm-read-1', 'orm-read-2'])
  })

  it('calls onPoolCreated of the application as well', async () => {
    const pools: unknown[] = []
    const orm = ormFor({ driverOptions: { onPoolCreated: (pool: unknown) => pools.push(pool) } })
    const { lifeguard, names } = lifeguardFor()
    lifeguard.watch(orm, { name: 'orm' })
    await orm.connect()
    expect(pools).toEqual([expect.any(pg.Pool)])
    expect(names()).toEqual(['orm'])
  })

  it('can have its pool watched by onPoolCreated instead', async () => {
    const { lifeguard, names } = lifeguardFor()
    const onPoolCreated = (pool: pg.Pool) => lifeguard.watch(pool, { name: 'orm' })
    const orm = ormFor({ driverOptions: { onPoolCreated } })
    await orm.connect()
    expect(names()).toEqual(['orm'])
  })

  it('connects unwatched after unwatch', async () => {
    const orm = ormFor()
    const { lifeguard, names } = lifeguardFor()
    const unwatch = lifeguard.watch(orm)
    unwatch()
    await orm.connect()
    expect(names()).toEqual([])
    expect(Object.hasOwn(orm.em.getDriver().getConnection(), 'createKyselyDialect')).toBe(false)
  })

  it('is refused on another database', () => {
    const { lifeguard } = lifeguardFor()
    class MySqlPlatform {}
    const driver = {
      connection: { createKyselyDialect: () => {} },
      getPlatform: () => new MySqlPlatform(),
    }
    expect(() => lifeguard.watch({ getDriver: () => driver })).toThrow(
      new WatchError('watch(orm) expects MikroORM on PostgreSQL, got MySqlPlatform'),
    )
  })
})
