import { drizzle } from 'drizzle-orm/node-postgres'
import pg from 'pg'
import pgPromise from 'pg-promise'
import { describe, expect, it } from 'vitest'
import {
  fastifyDatabases,
  isDrizzle,
  isFastifyPostgres,
  isMikroOrm,
  isPgBoss,
  isPgPromise,
  isPoolHolder,
  mikroOrmDriver,
} from '../../../src/hosts/holders/shape.ts'

const tests = { isFastifyPostgres, isMikroOrm, isPgBoss, isPoolHolder }

it.each(Object.entries(tests))(
  '%s recognises neither a pool nor a client, nor anything else',
  (_name, is) => {
    for (const other of [undefined, null, 'pg', 1, {}, () => {}, new pg.Pool(), new pg.Client(), pg.Pool]) {
      expect(is(other)).toBe(false)
    }
  },
)

describe('a library that holds a pool', () => {
  it('is recognised: Drizzle, unless it is a pool itself', () => {
    const database = drizzle({ client: new pg.Pool() })
    expect(isPoolHolder(database)).toBe(true)
    expect(isDrizzle(database)).toBe(true)
    expect(isPoolHolder({ $client: {}, connect() {} })).toBe(false)
  })

  it('is recognised: pg-promise', () => {
    const database = pgPromise({ noWarnings: true })({})
    expect(isPoolHolder(database)).toBe(true)
    expect(isPgPromise(database)).toBe(true)
  })

  it('is recognised: a data source of TypeORM', () => {
    const source = { driver: {}, initialize() {}, createQueryRunner() {} }
    expect(isPoolHolder(source)).toBe(true)
    expect(isPoolHolder({ ...source, driver: null })).toBe(false)
  })
})

describe('the databases of @fastify/postgres', () => {
  const database = (pool = {}) => ({ pool, Client: class {}, connect() {}, query() {}, transact() {} })

  it('are its own and those with a name', () => {
    const [own, reports] = [database(), database()]
    const both = Object.assign(own, { reports })
    expect(isFastifyPostgres(both)).toBe(true)
    expect(fastifyDatabases(both)).toEqual([
      { database: own, part: undefined },
      { database: reports, part: 'reports' },
    ])
  })

  it('are found where all have a name, in the plain object that the plugin makes for them', () => {
    const reports = database()
    const named = Object.assign(Object.create(null), { reports })
    expect(fastifyDatabases(named)).toEqual([{ database: reports, part: 'reports' }])
  })

  it('are not looked for behind the getters of other objects', () => {
    const other = {
      get reports(): never {
        throw new Error('this runs code of the application')
      },
    }
    expect(isFastifyPostgres(other)).toBe(false)
  })
})

describe('MikroORM', () => {
  const driver = { getPlatform: () => ({}), connection: { createKnex() {} } }

  it('is recognised as instance, entity manager and driver', () => {
    const em = { getDriver: () => driver }
    for (const given of [{ em }, em, driver, { em: undefined, driver }]) {
      expect(isMikroOrm(given)).toBe(true)
      expect(mikroOrmDriver(given)).toBe(driver)
    }
  })

  it('is not recognised by a driver alone whose connection makes no pool', () => {
    expect(isMikroOrm({ ...driver, connection: {} })).toBe(false)
    expect(isMikroOrm({ ...driver, connection: null })).toBe(false)
  })
})

it('recognises pg-boss by its methods', () => {
  const boss = { getDb() {}, work() {}, createQueue() {} }
  expect(isPgBoss(boss)).toBe(true)
  expect(isPgBoss({ ...boss, work: undefined })).toBe(false)
})
