import { createRequire } from 'node:module'
import knexModule, { type Knex } from 'knex'
import pg from 'pg'
import { describe, expect, it, onTestFinished } from 'vitest'
import { internalsOf } from '../../../src/guard/internals.ts'
import { createLifeguard, type Finding, manualClock } from '../../../src/index.ts'
import { useDatabase } from '../../support/database.ts'
import { hereLine } from '../../support/guarded-pool.ts'

const db = useDatabase()
const makeKnex = createRequire(import.meta.url)('knex/lib/knex-builder/make-knex') as (
  client: unknown,
) => Knex
const [file, limits] = [import.meta.filename, { idleTransactionMillis: 1_000 }]
/** The stacks that are deep at first. */
const deepAtFirst = 1000

function watched(config: object = { connection: { ...db.config }, pool: { min: 0, max: 2 } }) {
  const knex = knexModule({ client: 'pg', ...config } as Knex.Config)
  const clock = manualClock()
  const lifeguard = createLifeguard({ clock, reporters: [], limits })
  const findings: Finding[] = []
  lifeguard.on('finding', (finding) => findings.push(finding))
  lifeguard.watch(knex, { name: 'main' })
  onTestFinished(async () => {
    await lifeguard.close()
    await knex.destroy()
  })
  const { ledger } = internalsOf(lifeguard) as NonNullable<ReturnType<typeof internalsOf>>
  const frames = () => {
    const [checkout] = [...ledger.pools].flatMap(({ out }) => [...out])
    return String(checkout?.stack?.stack).split('\n').length - 1
  }
  return { knex, clock, findings, frames }
}

async function useUp(knex: Knex): Promise<void> {
  for (let count = 0; count < deepAtFirst + 50; count += 1)
    await knex.transaction((trx) => trx.raw('SELECT 1'))
}

describe('the line of knex.transaction()', () => {
  it('is right with a short stack, with a callback and without one', { timeout: 120_000 }, async () => {
    const { knex, clock, findings, frames } = watched()
    await useUp(knex)
    const line = hereLine(1)
    await knex.transaction(async (trx) => {
      await trx.raw('SELECT 1')
      expect(frames()).toBeLessThanOrEqual(4)
      clock.advance(1_200)
    })
    expect(findings.at(-1)).toMatchObject({ origin: { file, line }, transactionOrigin: { file, line } })
    // After a finding, stacks are deep again.
    await useUp(knex)
    const other = hereLine(1)
    const trx = await knex.transaction()
    await trx.raw('SELECT 1')
    expect(frames()).toBeLessThanOrEqual(4)
    clock.advance(1_200)
    expect(findings.at(-1)).toMatchObject({ origin: { file, line: other } })
    await trx.rollback()
  })

  it('is right where the client makes it, for another instance with the same client', {
    timeout: 120_000,
  }, async () => {
    const { knex, clock, findings } = watched()
    await useUp(knex)
    const other = makeKnex(knex.client)
    const line = hereLine(1)
    const trx = await other.transaction()
    clock.advance(1_200)
    expect(findings.at(-1)).toMatchObject({ origin: { file, line } })
    await trx.rollback()
  })

  it('is right on a connectionPool with a short stack', { timeout: 120_000 }, async () => {
    const pool = new pg.Pool({ ...db.config, max: 1 })
    onTestFinished(() => pool.end())
    const { knex, clock, findings, frames } = watched({ connectionPool: pool })
    await useUp(knex)
    const line = hereLine(1)
    const trx = await knex.transaction()
    expect(frames()).toBeLessThanOrEqual(4)
    clock.advance(1_200)
    expect(findings.at(-1)).toMatchObject({ origin: { file, line } })
    await trx.rollback()
  })

  it('is found again after a function far below was the first to call it with a short stack', {
    timeout: 120_000,
  }, async () => {
    const { knex, clock, findings } = watched()
    await useUp(knex)
    const name = 'far/node_modules/dao/index.js'
    const below: (depth: number, call: () => unknown) => unknown =
      // biome-ignore lint/security/noGlobalEval: the only way to a frame in a file of somebody else
      globalThis.eval(`(function below(depth, call) { return depth === 0 ? call() : below(depth - 1, call) })
//# sourceURL=/app/${name}`)
    const leak = async (send: string) => {
      await new Promise<void>((resolve) => {
        const transaction = knex.transaction.bind(knex, async (trx: Knex.Transaction) => {
          await trx.raw(send)
          clock.advance(1_200)
          resolve()
        }) as () => unknown
        below(20, transaction)
      })
      return findings.at(-1) as Finding
    }
    const first = await leak("SELECT 'never seen before'")
    expect([file, undefined]).toContain(first.origin?.file)
    expect(await leak('SELECT 1')).toMatchObject({ origin: { file } })
  })

  it('is right where the connection option is given, and where the application awaits before the acquire', async () => {
    const { knex, clock, findings } = watched()
    const client = knex.client as { acquireConnection(): Promise<unknown> }
    const { acquireConnection } = client
    const connection = await client.acquireConnection()
    await knex.transaction((trx) => trx.raw('SELECT 1'), { connection } as Knex.TransactionConfig)
    await (knex.client as { releaseConnection(given: unknown): Promise<void> }).releaseConnection(connection)
    client.acquireConnection = async () => {
      await undefined
      return acquireConnection.call(client)
    }
    await knex.transaction((trx) => trx.raw('SELECT 1'))
    const line = hereLine(1)
    const trx = await knex.transaction()
    clock.advance(1_200)
    expect(findings).toMatchObject([{ kind: 'idle-transaction', origin: { file, line } }])
    await trx.rollback()
  })
})

it('a transaction of Knex keeps nothing of the call that has made it once it has its client', async () => {
  const { knex } = watched()
  const transaction = knex.transaction((trx) => trx.raw('SELECT 1')) as unknown as {
    acquireConnection: unknown
  }
  const own = transaction.acquireConnection
  await transaction
  expect(transaction.acquireConnection).not.toBe(own)
  expect(transaction.acquireConnection).toBe(Object.getPrototypeOf(transaction).acquireConnection)
})
