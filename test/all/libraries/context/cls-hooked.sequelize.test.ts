import pg from 'pg'
import { Sequelize } from 'sequelize'
import { expect, it } from 'vitest'
import { clsHookedContext } from '../../../../src/context/cls-hooked.ts'
import { clsNamespace } from '../../../support/cls-namespace.ts'
import { useDatabase } from '../../../support/database.ts'
import { guardedPool, hereLine } from '../../../support/guarded-pool.ts'

const db = useDatabase()
const request = { kind: 'request', name: 'GET /x', id: '7' }
const graceAndSweep = 1_250

it('lives together with Sequelize.useCLS on one namespace', async () => {
  const namespace = clsNamespace('requests')
  Sequelize.useCLS(namespace)
  // Of one connection: a statement that has not found its transaction would wait for a second one for ever.
  const sequelize = new Sequelize(db.url, {
    logging: false,
    dialectModule: pg,
    pool: { max: 1, acquire: 2_000 },
  })
  const { pool, lifeguard, clock, findings } = guardedPool(
    { ...db.config, max: 1 },
    { context: clsHookedContext(namespace) },
  )
  let line = 0
  try {
    await lifeguard.runInScope(request, () =>
      sequelize.transaction(async () => {
        await sequelize.query('SELECT 1')
        await lifeguard.runInScope({ kind: 'job', name: 'audit' }, async () => {
          await sequelize.query('SELECT 2')
          line = hereLine(1)
          await pool.connect()
        })
        await sequelize.query('SELECT 3')
        expect(lifeguard.currentScope()?.describe()).toMatchObject(request)
      }),
    )
    clock.advance(graceAndSweep)
    expect(findings).toMatchObject([
      { kind: 'outlived-scope', scope: { kind: 'job', name: 'audit' }, origin: { line } },
    ])
  } finally {
    await sequelize.close()
    Reflect.deleteProperty(Sequelize, '_cls')
  }
})
