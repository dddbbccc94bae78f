import pg from 'pg'
import { expect, it } from 'vitest'
import { dialectOf, isSequelize, isSequelizePool, poolsOf } from '../../../src/hosts/sequelize/shape.ts'

/** In the manner of sequelize-pool. */
const pool = {
  acquire() {},
  release() {},
  destroy() {},
  drain() {},
  size: 0,
  available: 0,
  using: 0,
  waiting: 0,
  maxSize: 5,
  minSize: 0,
}

it('finds dialect and pool of an instance of Sequelize 6', () => {
  const sequelize = { getDialect: () => 'postgres', connectionManager: { pool } }
  expect(isSequelize(sequelize)).toBe(true)
  expect(dialectOf(sequelize)).toBe('postgres')
  expect(poolsOf(sequelize)).toBe(pool)
})

it('finds them in one of Sequelize 7, and neither reads nor calls what is deprecated or removed there', () => {
  const sequelize = {
    dialect: { name: 'postgres' },
    getDialect(): never {
      throw new Error('Do not use sequelize.getDialect()')
    },
    pool: { read: pool, write: pool },
    get connectionManager(): never {
      throw new Error('Sequelize#connectionManager has been removed')
    },
  }
  expect(isSequelize(sequelize)).toBe(true)
  expect(dialectOf(sequelize)).toBe('postgres')
  expect(poolsOf(sequelize)).toEqual({ read: pool, write: pool })
})

it('recognises the pool itself', () => {
  expect(isSequelizePool(pool)).toBe(true)
  expect(isSequelize(pool)).toBe(false)
  expect(isSequelizePool({ ...pool, using: undefined })).toBe(false)
})

it('recognises nothing else', () => {
  for (const other of [undefined, null, 'pg', {}, () => {}, new pg.Pool(), { dialect: 'postgres' }]) {
    expect(isSequelize(other)).toBe(false)
    expect(isSequelizePool(other)).toBe(false)
  }
})
