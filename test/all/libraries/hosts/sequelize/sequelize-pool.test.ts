import type pg from 'pg'
import { Sequelize } from 'sequelize'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  createLifeguard,
  type Finding,
  type LifeguardOptions,
  manualClock,
} from '../../../../../src/index.ts'
import { clientsBefore } from '../../../../hosts/clients-before.ts'
import { modes } from '../../../../support/bare-twin.ts'
import { useDatabase } from '../../../../support/database.ts'
import { eventually } from '../../../../support/eventually.ts'

interface Manager {
  readonly pool: object
  getConnection(options?: { type?: string }): Promise<object>
  releaseConnection(connection: object): void
  destroyConnection(connection: object): Promise<void>
}

const db = useDatabase()

/** The pool of a Sequelize instance, watched through the instance. */
function watchPool(options: LifeguardOptions = {}) {
  const { host, port, user, password, database } = db.config
  const sequelize = new Sequelize(database, user, password, {
    host,
    port,
    dialect: 'postgres',
    logging: false,
    pool: { max: 2, min: 0 },
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
  return { sequelize, connectionManager, lifeguard, clock, findings, unwatch }
}

describe('a pool of sequelize-pool', () => {
  it('may have a connection destroyed by its owner: the checkout is over, and nothing is reported', async () => {
    const { connectionManager, lifeguard, findings } = watchPool({ mode: 'enforce' })
    const connection = await connectionManager.getConnection()
    await connectionManager.destroyConnection(connection)
    expect(lifeguard.snapshot().checkouts).toEqual([])
    expect(findings).toEqual([])
    await eventually(() => expect(lifeguard.snapshot().pools).toMatchObject([{ total: 0 }]))
  })

  it('answers a second release with silence, which is reported', async () => {
    const { connectionManager, findings } = watchPool()
    const connection = await connectionManager.getConnection()
    connectionManager.releaseConnection(connection)
    connectionManager.releaseConnection(connection)
    expect(findings).toMatchObject([{ kind: 'double-release' }])
  })

  it.each(modes)('may have clients out before watch: %s', async (mode) => {
    const { host, port, user, password, database } = db.config
    const pool = { max: 2, min: 0 }
    const sequelize = new Sequelize(database, user, password, {
      host,
      port,
      dialect: 'postgres',
      logging: false,
      pool,
    })
    onTestFinished(() => sequelize.close())
    const { connectionManager } = sequelize as unknown as { connectionManager: Manager }
    const acquire = () => connectionManager.getConnection() as Promise<pg.PoolClient>
    const release = (client: pg.PoolClient) => connectionManager.releaseConnection(client)
    await clientsBefore({ host: sequelize, acquire, release }, mode)
  })

  it('says what it has: connections, idle ones, callers that wait', async () => {
    const { connectionManager, lifeguard } = watchPool()
    const connections = [await connectionManager.getConnection(), await connectionManager.getConnection()]
    const waiting = connectionManager.getConnection()
    const pool = () => lifeguard.snapshot().pools[0]
    // Sequelize asks its pool a little later.
    await eventually(() =>
      expect(pool()).toMatchObject({ total: 2, idle: 0, out: 2, waiting: 1, max: 2, min: 0 }),
    )
    expect(lifeguard.snapshot().checkouts.map(({ phase }) => phase)).toEqual(['out', 'out', 'waiting'])
    for (const connection of connections) connectionManager.releaseConnection(connection)
    connectionManager.releaseConnection(await waiting)
    expect(pool()).toMatchObject({ total: 2, idle: 2, out: 0, waiting: 0 })
  })

  it('is forgotten when the instance is closed', async () => {
    const { sequelize, connectionManager, lifeguard, clock } = watchPool()
    connectionManager.releaseConnection(await connectionManager.getConnection())
    await sequelize.close()
    clock.advance(200)
    expect(lifeguard.snapshot().pools).toEqual([])
  })

  it('has its own methods again when the guard is taken off', async () => {
    const { connectionManager, unwatch } = watchPool()
    const methods = ['acquire', 'release', 'destroy', 'drain']
    const overridden = () => methods.map((method) => Object.hasOwn(connectionManager.pool, method))
    expect(overridden()).toEqual([true, true, true, true])
    unwatch()
    expect(overridden()).toEqual([false, false, false, false])
  })
})
