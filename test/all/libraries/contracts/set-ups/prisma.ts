import { PrismaPg as PrismaPg7 } from '@prisma/adapter-pg'
import pg7 from 'pg'
import type { LibrarySetUp } from '../../../../contracts/library.ts'
import { endsWithWork, openAround } from '../../../../contracts/set-ups/around.ts'
import { poolOf } from '../../../../contracts/set-ups/node-postgres.ts'
import { versionOf } from '../../../../contracts/set-ups/version.ts'
import { prismaFolder as folder6, PrismaPg as PrismaPg6, pg as pg6 } from '../../previous/prisma.ts'
import { generatePrismaClient, type PrismaClient, type PrismaClientClass } from '../../prisma-client.ts'

const folder7 = `${import.meta.dirname}/../..`

/** It cancels a transaction that lasts longer than this. */
const patient = { timeout: 60_000, maxWait: 60_000 }

export const prisma: readonly LibrarySetUp[] = [
  setUpOf(
    await generatePrismaClient(folder7, 7),
    PrismaPg7,
    pg7.Pool,
    versionOf('@prisma/client', import.meta.url),
  ),
  setUpOf(
    await generatePrismaClient(folder6, 6),
    PrismaPg6,
    pg6.Pool,
    versionOf('@prisma/client', `${folder6}/prisma.ts`),
  ),
]

function setUpOf(
  Client: PrismaClientClass,
  Adapter: new (pool: never) => object,
  // The adapter knows a pool by its class: that of the `pg` beside it.
  Pool: typeof pg7.Pool,
  version: string,
): LibrarySetUp {
  return {
    name: 'Prisma with a driver adapter',
    version,
    exceptions: [
      { fact: 'held session', reason: 'It takes a session for a transaction or a statement alone.' },
      { fact: 'streams', reason: 'It has no streams.' },
      { fact: 'restart', reason: 'It has the pool of the application, which does not restart.' },
    ],
    open(db, { max, acquireMillis }) {
      const pool = poolOf(db, max, acquireMillis, Pool)
      const client = new Client({ adapter: new Adapter(pool as never) })
      const execute = (on: PrismaClient, sql: string) =>
        /^select/i.test(sql) ? on.$queryRawUnsafe(sql) : on.$executeRawUnsafe(sql)
      const wrap = (tx: PrismaClient) => endsWithWork(async (sql) => await execute(tx, sql))
      return {
        host: pool,
        begin: () => openAround((work) => client.$transaction((tx) => work(wrap(tx)), patient)),
        run: async (sql) => await execute(client, sql),
        transaction: (work) => client.$transaction((tx) => work(wrap(tx)), patient),
        async close() {
          await client.$disconnect()
          if (!pool.ended) await pool.end()
        },
      }
    },
  }
}
