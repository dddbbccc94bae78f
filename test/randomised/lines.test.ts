import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import knex from 'knex'
import { Kysely, PostgresDialect } from 'kysely'
import type pg from 'pg'
import { afterAll, describe, expect, it } from 'vitest'
import { internalsOf } from '../../src/guard/internals.ts'
import type { Finding } from '../../src/index.ts'
import { seeded } from '../core/seeded.ts'
import { useDatabase } from '../support/database.ts'
import { type GuardedPool, guardedPool } from '../support/guarded-pool.ts'
import { lineByComment } from '../support/line-by-comment.ts'

type Client = pg.PoolClient
type Use = (client: Client) => Promise<unknown>

/** One way to a client. The line that takes it has its name in a comment. */
interface Way {
  readonly name: string
  /** Takes a client, calls `use` while it is out, and releases it. */
  run(pool: pg.Pool, use: Use): Promise<unknown>
}

const source = readFileSync(import.meta.filename, 'utf8').split('\n')
const lineOf = lineByComment(source)

// A module of somebody else, as thin and as thick ones are written.
const folder = mkdtempSync(join(tmpdir(), 'lines-'))
mkdirSync(join(folder, 'node_modules/dao'), { recursive: true })
writeFileSync(
  join(folder, 'node_modules/dao/index.js'),
  `exports.take = (pool) => pool.connect()
exports.withClient = async (pool, use) => {
  const client = await pool.connect()
  try { return await use(client) } finally { client.release() }
}
const below = (depth, pool) => (depth === 0 ? pool.connect() : below(depth - 1, pool))
exports.inTransaction = async (pool, use) => {
  const client = await below(8, pool)
  try {
    await client.query('begin /* dao */')
    const result = await use(client)
    await client.query('commit')
    return result
  } finally { client.release() }
}`,
)
const dao = createRequire(join(folder, 'index.js'))('dao') as {
  take(pool: pg.Pool): Promise<Client>
  withClient(pool: pg.Pool, use: Use): Promise<unknown>
  inTransaction(pool: pg.Pool, use: Use): Promise<unknown>
}
afterAll(() => rmSync(folder, { recursive: true }))

async function released(client: Client, use: Use): Promise<void> {
  try {
    await use(client)
  } finally {
    client.release()
  }
}

class Repository {
  readonly #pool: pg.Pool
  constructor(pool: pg.Pool) {
    this.#pool = pool
  }
  async find(use: Use): Promise<void> {
    const client = await this.#pool.connect() // method
    await released(client, use)
  }
}

const helper = (pool: pg.Pool) => pool.connect() // helper

async function eitherLine(pool: pg.Pool, use: Use, first: boolean): Promise<void> {
  if (first) {
    const client = await pool.connect() // first of two
    return released(client, use)
  }
  const client = await pool.connect() // second of two
  return released(client, use)
}

async function recursive(pool: pg.Pool, use: Use, depth: number): Promise<void> {
  if (depth > 0) return recursive(pool, use, depth - 1)
  const client = await pool.connect() // recursive
  await released(client, use)
}

const direct: readonly Way[] = [
  {
    name: 'direct',
    async run(pool, use) {
      const client = await pool.connect() // direct
      await released(client, use)
    },
  },
  { name: 'helper', run: async (pool, use) => released(await helper(pool), use) },
  { name: 'method', run: (pool, use) => new Repository(pool).find(use) },
  { name: 'first of two', run: (pool, use) => eitherLine(pool, use, true) },
  { name: 'second of two', run: (pool, use) => eitherLine(pool, use, false) },
  { name: 'recursive', run: (pool, use) => recursive(pool, use, 12) },
  {
    name: 'then',
    run: (pool, use) => pool.connect().then((client) => released(client, use)), // then
  },
  {
    name: 'callback',
    run: (pool, use) =>
      new Promise((resolve, reject) => {
        const done = (error: Error | undefined, client: Client | undefined) =>
          error || !client ? reject(error) : released(client, use).then(resolve, reject)
        pool.connect(done) // callback
      }),
  },
  {
    name: 'bound',
    async run(pool, use) {
      const connect = pool.connect.bind(pool) as () => Promise<Client>
      const client = await connect() // bound
      await released(client, use)
    },
  },
  {
    name: 'promisified',
    async run(pool, use) {
      const connect = promisify(
        (done: (error: Error | null, client?: Client) => void) =>
          pool.connect((error, client) => done(error ?? null, client)), // promisified
      ) as () => Promise<Client>
      await released(await connect(), use)
    },
  },
  {
    name: 'timer',
    run: (pool, use) =>
      new Promise((resolve, reject) => {
        setImmediate(() => {
          const connected = pool.connect() // timer
          connected.then((client) => released(client, use)).then(resolve, reject)
        })
      }),
  },
]

/** A library is between the user and the pool; its own statements, or the user's, lead to the user. */
const indirect: readonly Way[] = [
  {
    name: 'thin module',
    async run(pool, use) {
      const client = await dao.take(pool) // thin module
      await released(client, use)
    },
  },
  {
    name: 'module with callback',
    async run(pool, use) {
      await dao.withClient(pool, use) // module with callback
    },
  },
  {
    name: 'thick module',
    async run(pool, use) {
      await dao.inTransaction(pool, use) // thick module
    },
  },
  {
    name: 'drizzle',
    async run(pool, use) {
      await drizzle(pool).transaction(async (tx) => {
        // drizzle
        await tx.execute(sql`SELECT 'drizzle'`)
        await use(undefined as never)
      })
    },
  },
  {
    name: 'kysely',
    async run(pool, use) {
      const db = new Kysely<object>({ dialect: new PostgresDialect({ pool }) })
      await db.transaction().execute(async () => {
        // kysely
        await use(undefined as never)
      })
    },
  },
  {
    name: 'knex',
    async run(pool, use) {
      const db = knex({ client: 'pg', connectionPool: pool } as never)
      await db.transaction(async (tx) => {
        // knex
        await tx.raw("SELECT 'knex'")
        await use(undefined as never)
      })
    },
  },
]

/** Holds a client for too long. Returns what was reported, and whether a statement had to show the line. */
async function leak(
  guarded: GuardedPool,
  way: Way,
  send: string | undefined,
): Promise<{ finding: Finding | undefined; neededStatement: boolean }> {
  const { pool, lifeguard, clock, findings } = guarded
  const before = findings.length
  let neededStatement = false
  await way.run(pool, async (client) => {
    if (send !== undefined) await client?.query(send) // statement
    const { ledger } = internalsOf(lifeguard) as NonNullable<ReturnType<typeof internalsOf>>
    const [checkout] = [...ledger.pools].flatMap(({ out }) => [...out])
    neededStatement = checkout?.laterStacks !== undefined
    clock.advance(31_000)
  })
  return {
    finding: findings.slice(before).find(({ kind }) => kind === 'long-hold' || kind === 'idle-transaction'),
    neededStatement,
  }
}

function expectLine(finding: Finding | undefined, name: string): void {
  const { origin } = finding ?? {}
  expect({ way: name, file: origin?.file, line: origin?.line }).toEqual({
    way: name,
    file: import.meta.filename,
    line: lineOf(name),
  })
}

/** Takes the stacks that are deep at first, and after a finding. */
async function useUp(pool: pg.Pool): Promise<void> {
  for (let checkout = 0; checkout < 1000; checkout += 1) (await pool.connect()).release()
}

const pick = <Item>(items: readonly Item[], random: () => number) =>
  items[Math.floor(random() * items.length)] as Item
const limits = { holdMillis: 30_000, idleTransactionMillis: 30_000 }

describe('the line of a checkout', () => {
  const database = useDatabase()
  const open = () => guardedPool({ connectionString: database.url, max: 2 }, { limits })

  it('is right among many direct ways, when most stacks are short', { timeout: 300_000 }, async () => {
    for (const seed of [1, 2, 3]) {
      const random = seeded(seed)
      const guarded = open()
      for (let leaks = 0; leaks < 40; leaks += 1) {
        await useUp(guarded.pool)
        for (let common = 0; common < 10; common += 1)
          await pick(direct, random).run(guarded.pool, (client) => client.query('SELECT 1'))
        const way = pick(direct, random)
        const begins = random() < 0.5
        const { finding } = await leak(guarded, way, begins ? 'BEGIN' : 'SELECT 1')
        expectLine(finding, way.name)
        const { transactionOrigin } = finding as Finding
        if (begins) expect(source[(transactionOrigin?.line ?? 0) - 1]).toContain('client?.query(send)')
      }
    }
  })

  it('is right the first time that a library is between, after thousands of direct ways', {
    timeout: 300_000,
  }, async () => {
    let first = 0
    let needed = 0
    const unknown: string[] = []
    for (const way of indirect) {
      for (const seed of [1, 2, 3]) {
        const random = seeded(seed)
        const guarded = open()
        await useUp(guarded.pool)
        for (let common = 0; common < 50; common += 1)
          await pick(direct, random).run(guarded.pool, (client) => client.query('SELECT 1'))
        const { finding, neededStatement } = await leak(guarded, way, `SELECT 'rare ${seed}'`)
        first += 1
        needed += neededStatement ? 1 : 0
        // The line of the checkout, or of its first statement, or none: never another one.
        if (finding?.origin === undefined) unknown.push(way.name)
        else if (finding.origin.line !== lineOf('statement')) expectLine(finding, way.name)
        for (let again = 0; again < 20; again += 1) {
          for (const one of [pick(direct, random), way])
            await one.run(guarded.pool, async (client) => client?.query('SELECT 1'))
        }
        expectLine((await leak(guarded, way, undefined)).finding, way.name)
        const other = pick(direct, random)
        expectLine((await leak(guarded, other, undefined)).finding, other.name)
      }
    }
    console.info(`a statement had to show the line in ${needed} of ${first} first uses of a library`)
    // Its statements are sent in jobs of their own, which no stack connects with the user.
    expect(new Set(unknown)).toEqual(new Set(['drizzle']))
  })
})
