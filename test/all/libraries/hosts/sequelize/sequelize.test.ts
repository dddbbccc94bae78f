import { type Options, Sequelize } from 'sequelize'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  createLifeguard,
  type Finding,
  type LifeguardOptions,
  manualClock,
  WatchError,
} from '../../../../../src/index.ts'
import { useDatabase } from '../../../../support/database.ts'
import { hereLine } from '../../../../support/guarded-pool.ts'

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
  lifeguard.watch(sequelize, { name: 'main' })
  onTestFinished(async () => {
    await lifeguard.close()
    await sequelize.close()
  })
  return { sequelize, clock, lifeguard, findings }
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

  it('is refused for another database than PostgreSQL', () => {
    const other = { getDialect: () => 'mysql', connectionManager: { pool: {} } }
    expect(() => createLifeguard({ reporters: [] }).watch(other)).toThrow(WatchError)
  })
})
