import { Sequelize as Sequelize7 } from '@sequelize/core'
import { PostgresDialect } from '@sequelize/postgres'
import { Sequelize } from 'sequelize'
import { describe, expect, it, onTestFinished } from 'vitest'
import { internalsOf } from '../../../../../src/guard/internals.ts'
import { createLifeguard, type Finding, manualClock } from '../../../../../src/index.ts'
import { useDatabase } from '../../../../support/database.ts'
import { eventually } from '../../../../support/eventually.ts'
import { hereLine } from '../../../../support/guarded-pool.ts'

const db = useDatabase()
const file = import.meta.filename
/** The stacks that are deep at first. */
const deepAtFirst = 1000

function guarded<Instance extends Sequelize | Sequelize7>(sequelize: Instance) {
  const clock = manualClock()
  const lifeguard = createLifeguard({ clock, reporters: [], limits: { holdMillis: 1_000 } })
  const findings: Finding[] = []
  lifeguard.on('finding', (finding) => findings.push(finding))
  lifeguard.watch(sequelize, { name: 'main' })
  onTestFinished(async () => {
    await lifeguard.close()
    await sequelize.close()
  })
  const { ledger } = internalsOf(lifeguard) as NonNullable<ReturnType<typeof internalsOf>>
  return {
    sequelize,
    lifeguard,
    clock,
    findings,
    checkouts: () => [...ledger.pools].flatMap(({ out, waiters }) => [...out, ...waiters]),
  }
}

function major6(max = 2) {
  const { host, port, user, password, database } = db.config
  return guarded(
    new Sequelize(database, user, password, {
      ...{ host, port, dialect: 'postgres', logging: false },
      pool: { max, min: 0 },
    }),
  )
}

function major7(max = 2) {
  const pool = { max, min: 0 }
  return guarded(new Sequelize7({ dialect: PostgresDialect, ...db.config, logging: false, pool }))
}

describe('the line of a transaction of Sequelize', () => {
  it('is right with one short stack, in major 6', { timeout: 120_000 }, async () => {
    const { sequelize, clock, findings, checkouts } = major6()
    for (let count = 0; count < deepAtFirst + 50; count += 1)
      await sequelize.transaction((transaction) => sequelize.query('SELECT 1', { transaction }))
    const line = hereLine(1)
    await sequelize.transaction(async (transaction) => {
      await sequelize.query('SELECT 1', { transaction })
      const [checkout] = checkouts()
      expect(String(checkout?.stack?.stack).split('\n').length - 1).toBeLessThanOrEqual(4)
      expect(checkout?.laterStacks).toBeUndefined()
      clock.advance(1_200)
    })
    expect(findings).toMatchObject([{ origin: { file, line }, transactionOrigin: { file, line } }])
  })

  it('is right with one short stack, in major 7', { timeout: 120_000 }, async () => {
    const { sequelize, clock, findings, checkouts } = major7()
    for (let count = 0; count < deepAtFirst + 50; count += 1)
      await sequelize.transaction(() => sequelize.query('SELECT 1'))
    const line = hereLine(1)
    const transaction = await sequelize.startUnmanagedTransaction()
    const [checkout] = checkouts()
    expect(String(checkout?.stack?.stack).split('\n').length - 1).toBeLessThanOrEqual(4)
    expect(checkout?.laterStacks).toBeUndefined()
    clock.advance(1_200)
    expect(findings).toMatchObject([{ origin: { file, line }, transactionOrigin: { file, line } }])
    await transaction.rollback()
  })

  it.each([
    ['6', major6],
    ['7', major7],
  ])('is known while it waits, and if nobody awaits it, in major %s', async (_, open) => {
    const { sequelize, lifeguard, clock, findings } = open(1)
    let end = () => {}
    const ended = new Promise<void>((resolve) => {
      end = resolve
    })
    const first = hereLine(1)
    const floating = (sequelize as Sequelize).transaction(async () => ended)
    await eventually(() => expect(lifeguard.snapshot().checkouts).toMatchObject([{ phase: 'out' }]))
    const second = hereLine(1)
    const waiting = (sequelize as Sequelize).transaction(async () => {})
    await eventually(() => expect(lifeguard.snapshot().checkouts).toHaveLength(2))
    const lines = () => lifeguard.snapshot().checkouts.map(({ origin }) => origin?.line)
    expect(lines().toSorted()).toEqual([first, second])
    clock.advance(1_200)
    expect(findings.find(({ kind }) => kind === 'long-hold')).toMatchObject({ origin: { file, line: first } })
    end()
    await Promise.all([floating, waiting])
  })

  it('is not that of a statement beside it, which major 7 starts at once in a nested transaction', async () => {
    const { sequelize, lifeguard } = major7()
    const lock = 'SELECT pg_advisory_xact_lock(8)'
    await db.query('SELECT pg_advisory_lock(8)')
    const outer = hereLine(1)
    const done = sequelize.transaction(async (transaction) => {
      const beside = async () => await sequelize.query(lock, { transaction: null as never })
      await sequelize.transaction({ transaction }, beside)
    })
    await eventually(() => expect(lifeguard.snapshot().checkouts).toHaveLength(2))
    const [first, second] = lifeguard.snapshot().checkouts
    expect(first?.origin).toMatchObject({ file, line: outer })
    expect(second?.origin).toMatchObject({ file, line: outer + 1 })
    await db.query('SELECT pg_advisory_unlock(8)')
    await done
  })
})
