import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Finding } from '../../src/index.ts'
import { useDatabase } from '../support/database.ts'
import { fixtures, placeOf, processTestMillis, runProcess, useCompiledFixtures } from './child-process.ts'
import { findOrigins } from './fixtures/found-origins.ts'

vi.setConfig({ testTimeout: processTestMillis, hookTimeout: processTestMillis })

const db = useDatabase()
const runCompiled = useCompiledFixtures()

const folder = mkdtempSync(join(tmpdir(), 'lifeguard-library-'))
const libraryFile = join(folder, 'node_modules', 'some-orm', 'index.mjs')

beforeAll(() => {
  mkdirSync(join(libraryFile, '..'), { recursive: true })
  writeFileSync(
    libraryFile,
    `export async function checkOut(pool) {
       await undefined
       return await pool.connect()
     }
     export function checkOutLater(pool) {
       return new Promise((resolve, reject) => {
         setImmediate(() => pool.connect().then(resolve, reject))
       })
     }`,
  )
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

type Found = Record<string, Finding | undefined>

async function printed(exit: ReturnType<typeof runProcess>): Promise<Found> {
  const { code, stderr, stdout } = await exit
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return JSON.parse(stdout) as Found
}

const arrangements: [string, () => Promise<Found>][] = [
  ['vitest', async () => findOrigins(db.url, await import(/* @vite-ignore */ libraryFile))],
  [
    'tsx',
    () => {
      const nodeArgs = ['--import', 'tsx']
      return printed(
        runProcess(join(fixtures, 'prints-origins.ts'), { nodeArgs, args: [db.url, libraryFile] }),
      )
    },
  ],
  [
    'node --enable-source-maps on the output of tsc',
    () => {
      const nodeArgs = ['--enable-source-maps']
      return printed(runCompiled('prints-origins', { nodeArgs, args: [db.url, libraryFile] }))
    },
  ],
]

/** The line of the source, and what on it, that a finding is to name as its origin. */
const expected: [leak: string, what: string, code: string, token: string][] = [
  ['plain', 'a client by promise', 'plainClient = await pool.connect()', 'connect'],
  ['callback', 'a client by callback', 'pool.connect((error, client)', 'connect'],
  ['poolQuery', 'BEGIN sent by pool.query', "await pool.query('BEGIN')", 'query'],
  ['asyncCallers', 'a client behind other awaits', 'const orders: pg.PoolClient = await', 'connect'],
  ['library', 'a client that a library takes', 'await checkOut(pool)', 'await checkOut'],
  ['firstQuery', 'a library that lost its caller', "await client.query('SELECT 1')", 'query'],
  ['drizzleTransaction', 'a transaction of drizzle', 'drizzle(pool).transaction(', 'transaction'],
  ['knexTransaction', 'a transaction that knex gives away', "return await trx.raw('SELECT 1')", 'await trx'],
  ['knexHandler', 'a transaction that knex runs', 'await knex.transaction(', 'await knex'],
]

describe.each(arrangements)('under %s', (_, find) => {
  let found: Found
  beforeAll(async () => {
    found = await find()
  })

  it.each(expected)('%s: finds the line of %s', (leak, _what, code, token) => {
    expect(found[leak]?.origin).toMatchObject(placeOf('origins', code, token))
  })

  it('shows the callers behind awaits, outermost last', () => {
    const names = found.asyncCallers?.origin?.frames.map(({ functionName }) => functionName)
    expect(names?.slice(0, 3)).toEqual(['fetchOrders', 'handleRequest', 'asyncCallers'])
  })

  it('names the line of BEGIN, too', () => {
    expect(found.asyncCallers?.transactionOrigin).toMatchObject(
      placeOf('origins', 'orders.query<Order>', 'query'),
    )
  })
})
