import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { inspect } from 'node:util'
import knexModule, { type Knex } from 'knex'
import pg from 'pg'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  createLifeguard,
  type Finding,
  type LifeguardOptions,
  manualClock,
  WatchError,
} from '../../../src/index.ts'
import { useDatabase } from '../../support/database.ts'
import { hereLine } from '../../support/guarded-pool.ts'

const db = useDatabase()

function watchKnex(options: LifeguardOptions = {}, config: Knex.Config & { connectionPool?: unknown } = {}) {
  const knex = knexModule({
    client: 'pg',
    ...(config.connectionPool === undefined
      ? { connection: { ...db.config }, pool: { min: 0, max: 2 }, ...config }
      : config),
  })
  const clock = manualClock()
  const lifeguard = createLifeguard({ clock, reporters: [], ...options })
  const findings: Finding[] = []
  lifeguard.on('finding', (finding) => findings.push(finding))
  const unwatch = lifeguard.watch(knex, { name: 'main' })
  onTestFinished(async () => {
    await lifeguard.close()
    await knex.destroy()
  })
  return { knex, clock, lifeguard, findings, unwatch }
}

describe('a Knex instance', () => {
  it('has its transactions found at the line of knex.transaction()', async () => {
    const { knex, clock, findings } = watchKnex({ limits: { idleTransactionMillis: 1_000 } })
    const line = hereLine(1)
    const trx = await knex.transaction()
    await trx.raw('SELECT 1')
    clock.advance(1_200)
    expect(findings).toMatchObject([
      { kind: 'idle-transaction', origin: { file: import.meta.filename, line } },
    ])
    await trx.rollback()
  })

  it('does not take the line of a transaction for that of a statement inside it', async () => {
    const { knex, clock, findings } = watchKnex({ limits: { holdMillis: 1_000 } })
    let line = 0
    await knex.transaction(async (trx) => {
      line = hereLine(1)
      const inner = await knex.transaction()
      clock.advance(1_200)
      await inner.rollback()
      await trx.raw('SELECT 1')
    })
    const lines = findings.filter(({ kind }) => kind === 'long-hold').map(({ origin }) => origin?.line)
    expect(lines).toContain(line)
    expect(new Set(lines).size).toBe(2)
  })

  it('is watched on after it was destroyed and initialized again', async () => {
    const { knex, clock, findings, lifeguard } = watchKnex({ limits: { holdMillis: 1_000 } })
    await knex.destroy()
    knex.initialize()
    const trx = await knex.transaction()
    clock.advance(1_200)
    expect(findings).toMatchObject([{ kind: 'long-hold', pool: 'main' }])
    expect(lifeguard.snapshot().pools).toHaveLength(1)
    await trx.rollback()
  })

  it('is watched no longer after unwatch, not even when it is initialized again', async () => {
    const { knex, lifeguard, unwatch } = watchKnex()
    unwatch()
    await knex.destroy()
    knex.initialize()
    await knex.raw('SELECT 1')
    expect(lifeguard.snapshot().pools).toEqual([])
  })

  it('has the pool watched that it was given as connectionPool', async () => {
    const pool = new pg.Pool({ ...db.config, max: 1 })
    onTestFinished(() => pool.end())
    const { knex, clock, findings } = watchKnex({ limits: { holdMillis: 1_000 } }, {
      connectionPool: pool,
    } as Knex.Config)
    const trx = await knex.transaction()
    clock.advance(1_200)
    expect(findings).toMatchObject([{ kind: 'long-hold' }])
    await trx.rollback()
  })

  it('has its transactions found at the line of knex.transaction() on a connectionPool, too', async () => {
    const pool = new pg.Pool({ ...db.config, max: 1 })
    onTestFinished(() => pool.end())
    const { knex, clock, findings } = watchKnex(
      { limits: { holdMillis: 1_000 } },
      { client: 'pg', connectionPool: pool },
    )
    const line = hereLine(1)
    const trx = await knex.transaction()
    clock.advance(1_200)
    expect(findings).toMatchObject([{ kind: 'long-hold', origin: { file: import.meta.filename, line } }])
    await trx.rollback()
  })

  it.each(['observe', 'enforce'] as const)(
    'is not blamed in %s for a statement that its own time-out has given up, with its connection',
    async (mode) => {
      const { knex, lifeguard, findings } = watchKnex({ mode })
      const pid = async () => (await knex.raw('SELECT pg_backend_pid() AS pid')).rows[0].pid
      const before = await pid()
      await expect(knex.raw('SELECT pg_sleep(60)').timeout(20)).rejects.toThrow('timeout')
      expect(await pid()).not.toBe(before)
      expect(findings).toEqual([])
      expect(lifeguard.snapshot().checkouts).toEqual([])
      await db.terminate(before)
    },
  )

  it('returns its own promise of a connection, except to a caller that waits for a holder', async () => {
    const knex = knexModule({ client: 'pg', connection: { ...db.config }, pool: { min: 1, max: 1 } })
    const client = knex.client as {
      acquireConnection(): Promise<unknown>
      releaseConnection(given: unknown): void
    }
    await knex.raw('SELECT 1')
    const { acquireConnection } = client
    const own: unknown[] = []
    client.acquireConnection = () => {
      const acquired = acquireConnection.call(client)
      own.push(acquired)
      return acquired
    }
    const lifeguard = createLifeguard({ reporters: [] })
    lifeguard.watch(knex)
    onTestFinished(async () => {
      await lifeguard.close()
      await knex.destroy()
    })
    const idle = client.acquireConnection()
    expect(idle).toBe(own.at(-1))
    const connection = await idle
    const waiting = client.acquireConnection()
    expect(waiting).not.toBe(own.at(-1))
    client.releaseConnection(connection)
    client.releaseConnection(await waiting)
  })

  it('is not exhausted when its time-out comes before a connection has opened', async () => {
    const silent = createServer().listen(0, '127.0.0.1')
    await once(silent, 'listening')
    onTestFinished(() => void silent.close())
    const { port } = silent.address() as AddressInfo
    const { knex, findings } = watchKnex(
      {},
      {
        connection: { ...db.config, port, connectionTimeoutMillis: 1_000 },
        pool: { min: 0, max: 2 },
        acquireConnectionTimeout: 100,
        log: { warn() {} },
      },
    )
    const error = await knex.raw('SELECT 1').catch((reason: unknown) => reason)
    expect(error).toMatchObject({ name: 'KnexTimeoutError' })
    expect(inspect(error)).not.toContain('are taken')
    expect(findings).toEqual([])
  })

  it('is refused for another database than PostgreSQL', () => {
    const lifeguard = createLifeguard({ reporters: [] })
    const mysql = Object.assign(() => {}, {
      client: { acquireConnection() {}, transaction() {}, dialect: 'mysql', driverName: 'mysql2' },
    })
    expect(() => lifeguard.watch(mysql as unknown as Knex)).toThrow(WatchError)
    expect(() => lifeguard.watch(mysql as unknown as Knex)).toThrow(/expects Knex on PostgreSQL, got mysql2/)
  })

  it('is refused once it was destroyed', async () => {
    const knex = knexModule({ client: 'pg', connection: { ...db.config } })
    await knex.destroy()
    expect(() => createLifeguard({ reporters: [] }).watch(knex)).toThrow(/found no pool in knex/)
  })
})
