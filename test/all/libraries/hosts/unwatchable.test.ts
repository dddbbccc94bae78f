import { PrismaPg } from '@prisma/adapter-pg'
import * as kysely from 'kysely'
import pg from 'pg'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createLifeguard } from '../../../../src/index.ts'
import { previous } from '../previous/modules.ts'
import { PrismaPg as PrismaPg6, prismaFolder as previousFolder } from '../previous/prisma.ts'
import { generatePrismaClient } from '../prisma-client.ts'

const folder = `${import.meta.dirname}/..`

/** Never connects. */
const url = 'postgresql://nobody@127.0.0.1:1/none'

describe('what does not show its pool', () => {
  const majors: (readonly [string, typeof kysely])[] = [
    ['0.29', kysely],
    ['0.27', previous.kysely],
  ]
  it.each(majors)(
    'says so of Kysely %s, and names the pool of the dialect',
    (_version, { Kysely, PostgresDialect }) => {
      const database = new Kysely<object>({ dialect: new PostgresDialect({ pool: new pg.Pool() }) })
      expect(() => watch(database)).toThrow(/a Kysely database.*the pg\.Pool .*PostgresDialect/)
    },
  )

  it.each([6, 7] as const)('says so of Prisma %i, and names new PrismaPg(pool)', async (major) => {
    const Client = await generatePrismaClient(major === 7 ? folder : previousFolder, major)
    const Adapter = major === 7 ? PrismaPg : PrismaPg6
    const client = new Client({ adapter: new Adapter({ connectionString: url }) })
    expect(() => watch(client)).toThrow(/a Prisma client.*new PrismaPg\(pool\)/)
  })

  it('says of a pool of mysql2 that it is not PostgreSQL', async () => {
    const { createPool } = await import('mysql2')
    const pool = createPool({ host: '127.0.0.1', port: 1 })
    onTestFinished(() => new Promise<void>((resolve) => pool.end(() => resolve())))
    expect(() => watch(pool)).toThrow(/a MySQL pool.*not PostgreSQL/)
  })
})

function watch(host: unknown): void {
  const lifeguard = createLifeguard({ reporters: [] })
  onTestFinished(() => lifeguard.close())
  lifeguard.watch(host as pg.Pool)
}
