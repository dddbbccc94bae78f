import { type Options, Sequelize } from 'sequelize'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  createLifeguard,
  type Finding,
  type LifeguardOptions,
  manualClock,
  WatchError,
} from '../../../src/index.ts'
import { useDatabase } from '../../support/database.ts'
import { eventually } from '../../support/eventually.ts'
import { hereLine } from '../../support/guarded-pool.ts'

interface Manager {
  getConnection(options?: { type?: string }): Promise<object>
  releaseConnection(connection: object): void
  destroyConnection(connection: object): Promise<void>
}

const db = useDatabase()

function watchSequelize(options: LifeguardOptions = {}, config: Options = {}) {
  const { host, port, user, password, database } = db.config
  const sequelize = new Sequelize(database, user, password, {
    host,
    port,
    dialect: 'postgres',
    logging: false,
    pool: { max: 2, min: 0 },
    ...config,
  })
  const clock = manualClock()
  const lifeguard = createLifeguard({ clock, reporters: [], ...options })
  const findings: Finding[] = []
  lifeguard.on('finding', (finding) => findings.push(finding))
  const unwatch = lifeguard.watch(sequelize, { name: 'main' })
  onTestFinished(async () => {
    await lifeguard.close()
    await sequelize.close()
  })
  const { connectionManager } = sequelize as unknown as { connectionManager: Manager }
  return { sequelize, connectionManager, clock, lifeguard, findings, unwatch }
}

describe('a Sequelize instance', () => {
  it('has its transactions found at the line of sequelize.transaction()', async () => {
    const { sequelize, clock, findings } = watchSequelize({ limits: { idleTransactionMillis: 1_000 } })
    const line = hereLine(1)
    const transaction = await sequelize.transaction()
    await sequelize.query('SELECT 1', { transaction })
    clock.advance(1_200)
    expect(findings).toMatchObject([
      { kind: 'idle-transaction', origin: { file: import.meta.filename, line } },
    ])
    await transaction.rollback()
  })

  it('has both pools of a replication watched', async () => {
    const { host, port, user, password, database } = db.config
    const server = { host, port: String(port), username: user, password, database }
    const { sequelize, lifeguard } = watchSequelize({}, {
      replication: { write: server, read: [server] },
    } as Options)
    await sequelize.query('SELECT 1', { type: 'SELECT' })
    expect(lifeguard.snapshot().pools).toMatchObject([
      { name: 'main-write', total: 0 },
      { name: 'main-read', total: 1 },
    ])
  })

  it('may destroy a connection that it has: the checkout is over, and nothing is reported', async () => {
    const { connectionManager, lifeguard, findings } = watchSequelize({ mode: 'enforce' })
    const connection = await connectionManager.getConnection()
    await connectionManager.destroyConnection(connection)
    expect(lifeguard.snapshot().checkouts).toEqual([])
    expect(findings).toEqual([])
    await eventually(() => expect(lifeguard.snapshot().pools).toMatchObject([{ total: 0 }]))
  })

  it('answers a second release with silence, which is reported', async () => {
    const { connectionManager, findings } = watchSequelize()
    const connection = await connectionManager.getConnection()
    connectionManager.releaseConnection(connection)
    connectionManager.releaseConnection(connection)
    expect(findings).toMatchObject([{ kind: 'double-release' }])
  })

  it('has its own methods again when the guard is taken off', async () => {
    const { sequelize, unwatch } = watchSequelize()
    unwatch()
    const { pool } = (sequelize as unknown as { connectionManager: { pool: object } }).connectionManager
    for (const method of ['acquire', 'release', 'destroy', 'drain']) {
      expect(Object.hasOwn(pool, method)).toBe(false)
    }
  })

  it('is refused for another database than PostgreSQL', () => {
    const other = { getDialect: () => 'mysql', connectionManager: { pool: {} } }
    expect(() => createLifeguard({ reporters: [] }).watch(other)).toThrow(WatchError)
  })
})
