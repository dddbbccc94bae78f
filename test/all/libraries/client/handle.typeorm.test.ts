import type pg from 'pg'
import { DataSource } from 'typeorm'
import { describe, expect, it } from 'vitest'
import { useDatabase } from '../../../support/database.ts'
import { guardedPool } from '../../../support/guarded-pool.ts'

const db = useDatabase()

describe.each(['observe', 'enforce'] as const)('on top of checked handles, in %s', (mode) => {
  it('typeorm', async () => {
    const source = new DataSource({
      type: 'postgres',
      host: db.config.host,
      port: db.config.port,
      username: db.config.user,
      password: db.config.password,
      database: db.config.database,
      extra: { max: 2 },
    })
    await source.initialize()
    const { master } = source.driver as unknown as { master: pg.Pool }
    const { findings } = guardedPool({}, { handles: 'checked', mode }, master)
    for (let round = 0; round < 3; round++) {
      await source.transaction((manager) => manager.query('SELECT 1'))
      await expect(source.transaction((manager) => manager.query('SELECT 1/0'))).rejects.toThrow()
      const runner = source.createQueryRunner()
      await runner.connect()
      await runner.query('SELECT 2')
      await runner.release()
    }
    expect(master.idleCount).toBe(master.totalCount)
    expect(findings).toEqual([])
  })
})
