import { expect, it } from 'vitest'
import { slotLimits } from '../../src/postgres/slots.ts'
import { useDatabase } from '../support/database.ts'
import { clientOf } from './sessions.ts'

const db = useDatabase()

it('has the limits of the server, and of the database where it has one', async () => {
  const { rows } = await db.query<{ max: string }>("SELECT current_setting('max_connections') AS max")
  const limits = await slotLimits(clientOf(db))
  expect(limits).toEqual({ max: Number(rows[0]?.max), reserved: 3 })
  await db.query(`ALTER DATABASE ${db.name} CONNECTION LIMIT 40`)
  expect(await slotLimits(clientOf(db))).toEqual({ ...limits, databaseLimit: 40 })
})
