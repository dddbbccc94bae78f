/** Prisma 7, over a pool of its driver adapter. Generate its client first: see the README. */
import { setTimeout } from 'node:timers/promises'
import { PrismaPg } from '@prisma/adapter-pg'
import pg from 'pg'
import { consoleReporter, createLifeguard } from 'pg-lifeguard'
import { PrismaClient } from './prisma/client/client.ts'

const { DATABASE_URL = 'postgres://localhost/postgres' } = process.env
const pool = new pg.Pool({ connectionString: DATABASE_URL })
const prisma = new PrismaClient({ adapter: new PrismaPg(pool) })
const lifeguard = createLifeguard({
  mode: 'enforce',
  reporters: [consoleReporter({ stream: process.stdout, info: false })],
})
lifeguard.watch(pool, { name: 'main' })

async function placeOrder(): Promise<void> {
  const answer = new Promise<never>(() => {}) // of a service that never answers
  // leaks: a transaction ends with its work, or after the time-out, by default 5 s
  await prisma.$transaction(async (transaction) => {
    await transaction.$queryRaw`SELECT 1`
    await answer
  })
}

await lifeguard.runInScope({ kind: 'request', name: 'POST /orders' }, async () => {
  const order = placeOrder()
  order.catch(() => {}) // fails when the lifeguard closes the session
  await Promise.race([order, setTimeout(200)]) // the sender of the request has given up
})

await new Promise((resolve) => lifeguard.on('finding', resolve))
await lifeguard.close()
await prisma.$disconnect()
await pool.end()
