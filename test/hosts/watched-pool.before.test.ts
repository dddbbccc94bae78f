import knexModule from 'knex'
import pg from 'pg'
import { describe, it, onTestFinished } from 'vitest'
import { modes } from '../support/bare-twin.ts'
import { useDatabase } from '../support/database.ts'
import { clientsBefore } from './clients-before.ts'

const db = useDatabase()

const pools = {
  'pg.Pool': () => {
    const pool = new pg.Pool({ ...db.config, max: 2 })
    onTestFinished(() => pool.end())
    return {
      host: pool,
      acquire: () => pool.connect(),
      release: (client: pg.PoolClient) => client.release(),
    }
  },
  tarn: () => {
    const knex = knexModule({ client: 'pg', connection: { ...db.config }, pool: { min: 0, max: 2 } })
    onTestFinished(() => knex.destroy())
    return {
      host: knex,
      acquire: () => knex.client.acquireConnection(),
      release: (client: pg.PoolClient) => knex.client.releaseConnection(client),
    }
  },
}

describe.each(Object.keys(pools) as (keyof typeof pools)[])('clients out of a %s before watch', (name) => {
  it.each(modes)(
    'are released without a finding, counted, and seen from their next owner on, in %s',
    (mode) => clientsBefore(pools[name](), mode),
  )
})
