import { readFileSync } from 'node:fs'
import type pg from 'pg'
import { describe, expect, it } from 'vitest'
import type { Finding } from '../../src/index.ts'
import { seeded } from '../core/seeded.ts'
import { useDatabase } from '../support/database.ts'
import { type GuardedPool, guardedPool } from '../support/guarded-pool.ts'
import { lineByComment } from '../support/line-by-comment.ts'

const lineOf = lineByComment(readFileSync(import.meta.filename, 'utf8').split('\n'))

/** Takes a client, begins a transaction, calls `use` while it is open, and ends it. The lines have names in comments. */
type Begin = (pool: pg.Pool, use: () => Promise<unknown>) => Promise<unknown>

async function ended(client: pg.PoolClient, use: () => Promise<unknown>): Promise<void> {
  try {
    await use()
  } finally {
    await client.query('ROLLBACK')
    client.release()
  }
}

class Orders {
  async place(pool: pg.Pool, use: () => Promise<unknown>): Promise<void> {
    const client = await pool.connect()
    await client.query('BEGIN') // begins in a method
    await ended(client, use)
  }
}

/** The function that takes the client begins the transaction. */
const ownBegin: Readonly<Record<string, Begin>> = {
  'begins in a function': async (pool, use) => {
    const client = await pool.connect()
    await client.query('BEGIN') // begins in a function
    await ended(client, use)
  },
  'begins in a method': (pool, use) => new Orders().place(pool, use),
  'begins later': async (pool, use) => {
    const client = await pool.connect()
    await client.query('SELECT 1')
    await client.query({ text: 'START TRANSACTION READ ONLY' }) // begins later
    await ended(client, use)
  },
  // Without a name, as handlers of routes are.
  'begins in a handler': (pool, use) =>
    [
      async () => {
        const client = await pool.connect()
        await client.query('BEGIN') // begins in a handler
        await ended(client, use)
      },
    ].map((handler) => handler())[0] as Promise<void>,
}

async function takeAndPass(pool: pg.Pool): Promise<pg.PoolClient> {
  const client = await pool.connect()
  await client.query('SELECT 1')
  return client
}

/** Another function begins it. */
const strangeBegin: Readonly<Record<string, Begin>> = {
  'begins for a helper': async function one(pool, use) {
    const client = await takeAndPass(pool)
    await client.query('BEGIN') // begins for a helper
    await ended(client, use)
  },
  'begins for the same helper': async function other(pool, use) {
    const client = await takeAndPass(pool)
    await client.query('BEGIN') // begins for the same helper
    await ended(client, use)
  },
}

const pick = <Item>(items: readonly Item[], random: () => number) =>
  items[Math.floor(random() * items.length)] as Item
/** The stacks of so many transactions are recorded at first, and after a finding. */
const recorded = 1000

describe('the line of a transaction', () => {
  const database = useDatabase()
  const open = () =>
    guardedPool({ connectionString: database.url, max: 2 }, { limits: { idleTransactionMillis: 30_000 } })

  async function leakIn({ pool, clock, findings }: GuardedPool, begin: Begin): Promise<Finding> {
    const before = findings.length
    await begin(pool, async () => clock.advance(31_000))
    return findings.slice(before).find(({ kind }) => kind === 'idle-transaction') as Finding
  }

  function expectBegin(finding: Finding, name: string): void {
    const { file, line } = finding.transactionOrigin ?? {}
    expect({ name, file, line }).toEqual({ name, file: import.meta.filename, line: lineOf(name) })
  }

  async function runMany(pool: pg.Pool, ways: readonly Begin[], count: number, random: () => number) {
    for (let done = 0; done < count; done += 1) await pick(ways, random)(pool, async () => {})
  }

  it('is right where functions begin their own, although most are not recorded', {
    timeout: 300_000,
  }, async () => {
    let usual = 0
    let leaks = 0
    for (const seed of [1, 2]) {
      const random = seeded(seed)
      const guarded = open()
      for (let round = 0; round < 5; round += 1) {
        await runMany(guarded.pool, Object.values(ownBegin), recorded + 50, random)
        const [name, begin] = pick(Object.entries(ownBegin), random)
        const finding = await leakIn(guarded, begin)
        expectBegin(finding, name)
        expect(finding.origin?.line).not.toBe(finding.transactionOrigin?.line)
        usual += finding.transactionOrigin?.isUsual === true ? 1 : 0
        leaks += 1
      }
    }
    console.info(`the line of BEGIN came from another transaction in ${usual} of ${leaks} leaks`)
    expect(usual).toBe(leaks)
  })

  it('is unknown or right the first time that another function begins it', { timeout: 300_000 }, async () => {
    for (const [name, begin] of Object.entries(strangeBegin)) {
      const random = seeded(3)
      const guarded = open()
      await runMany(guarded.pool, Object.values(ownBegin), recorded + 50, random)
      const finding = await leakIn(guarded, begin)
      expect(finding.origin?.line).toBeGreaterThan(0)
      expect(finding.transactionOrigin).toBeUndefined()
      // After a finding, stacks are recorded again.
      expectBegin(await leakIn(guarded, begin), name)
      for (const [known, own] of Object.entries(ownBegin)) expectBegin(await leakIn(guarded, own), known)
    }
  })

  it('is recorded each time where different functions begin it', { timeout: 300_000 }, async () => {
    const random = seeded(4)
    const guarded = open()
    const ways = { ...ownBegin, ...strangeBegin }
    for (let round = 0; round < 3; round += 1) {
      await runMany(guarded.pool, Object.values(ways), recorded + 50, random)
      const [name, begin] = pick(Object.entries(ways), random)
      const finding = await leakIn(guarded, begin)
      expectBegin(finding, name)
      expect(finding.transactionOrigin?.isUsual).toBeUndefined()
    }
  })
})
