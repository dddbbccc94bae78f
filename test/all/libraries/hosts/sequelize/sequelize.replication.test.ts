import { Sequelize as Sequelize7 } from '@sequelize/core'
import { PostgresDialect } from '@sequelize/postgres'
import { QueryTypes, Sequelize } from 'sequelize'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createLifeguard, type Finding, manualClock } from '../../../../../src/index.ts'
import { useDatabase } from '../../../../support/database.ts'

const db = useDatabase()

/** It lasts until the test unlocks it. */
const reads = 'SELECT pg_advisory_xact_lock(7)'

function watched(sequelize: Sequelize | Sequelize7) {
  const clock = manualClock()
  const lifeguard = createLifeguard({
    clock,
    reporters: [],
    handles: 'checked',
    limits: { holdMillis: 1_000 },
  })
  const findings: Finding[] = []
  lifeguard.on('finding', (finding) => findings.push(finding))
  lifeguard.watch(sequelize, { name: 'main' })
  onTestFinished(async () => {
    await lifeguard.close()
    await sequelize.close()
  })
  return { lifeguard, clock, findings }
}

describe('a Sequelize instance with replication', () => {
  it('has both of its pools watched, in major 6', async () => {
    const { host, port, user: username, password, database } = db.config
    const server = { host, port: String(port), username, password, database }
    const sequelize = new Sequelize({
      dialect: 'postgres',
      logging: false,
      replication: { write: server, read: [server, server] },
    })
    const { lifeguard, clock, findings } = watched(sequelize)
    expect(lifeguard.snapshot().pools.map(({ name }) => name)).toEqual(['main-write', 'main-read'])
    await db.query('SELECT pg_advisory_lock(7)')
    const transaction = await sequelize.transaction()
    const reading = sequelize.query(reads, { type: QueryTypes.SELECT })
    await expectHeld(lifeguard, clock, findings)
    await db.query('SELECT pg_advisory_unlock(7)')
    await reading
    await transaction.rollback()
    expect(lifeguard.snapshot().checkouts).toEqual([])
  })

  it('has both of its pools watched, in major 7', async () => {
    const server = { ...db.config }
    const sequelize = new Sequelize7({
      dialect: PostgresDialect,
      logging: false,
      replication: { write: server, read: [server, server] },
    })
    const { lifeguard, clock, findings } = watched(sequelize)
    expect(lifeguard.snapshot().pools.map(({ name }) => name)).toEqual(['main-write', 'main-read'])
    await db.query('SELECT pg_advisory_lock(7)')
    const transaction = await sequelize.startUnmanagedTransaction()
    const reading = sequelize.query(reads, { type: 'SELECT' as never })
    await expectHeld(lifeguard, clock, findings)
    await db.query('SELECT pg_advisory_unlock(7)')
    await reading
    await transaction.rollback()
    expect(lifeguard.snapshot().checkouts).toEqual([])
  })
})

async function expectHeld(
  lifeguard: ReturnType<typeof createLifeguard>,
  clock: ReturnType<typeof manualClock>,
  findings: readonly Finding[],
): Promise<void> {
  await expect.poll(() => lifeguard.snapshot().checkouts.length, { timeout: 20_000 }).toBe(2)
  clock.advance(1_200)
  const pools = findings.filter(({ kind }) => kind === 'long-hold').map(({ pool }) => pool)
  expect(pools.toSorted()).toEqual(['main-read', 'main-write'])
}
