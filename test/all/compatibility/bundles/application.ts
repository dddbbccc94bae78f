/** An application in which each mistake has its line, as the modules of a bundle. */
export const application = {
  'src/database.js': `
import pg from 'pg'
import { createLifeguard, manualClock } from 'pg-lifeguard'

export const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 4 })
export const clock = manualClock()
export const lifeguard = createLifeguard({ clock, reporters: [] })
lifeguard.watch(pool, { name: 'main' })
lifeguard.on('finding', (finding) => console.log(JSON.stringify({ event: 'finding', ...finding })))`,

  'src/acts.js': `
import { lifeguard, pool } from './database.js'

export async function leak() {
  const client = await pool.connect() // leaks
  await client.query('BEGIN')
}
export async function releaseTwice() {
  const client = await pool.connect() // checks out to release twice
  client.release()
  try {
    client.release() // releases twice
  } catch {}
}
export async function useLate() {
  const client = await pool.connect() // checks out to use late
  client.release()
  await client.query('SELECT 1').catch(() => {}) // uses late
}
export async function leaveSetting() {
  const session = await lifeguard.session(pool) // opens a session
  await session.query('SET work_mem = 1000') // sets
  await session.release()
}
export async function waitInTransaction(forEver) {
  await lifeguard.transaction(pool, () => forEver) // opens a transaction
}
export function leakByCallback() {
  pool.connect((_error, client) => void client.query('BEGIN')) // leaks by callback
}
export async function leaveTransaction() {
  await pool.query('BEGIN') // begins by pool.query
}`,

  'src/main.js': `
import { leak, leakByCallback, leaveSetting, leaveTransaction, releaseTwice, useLate, waitInTransaction } from './acts.js'
import { clock, lifeguard } from './database.js'

const held = (count) => lifeguard.snapshot().checkouts.filter(({ transaction }) => transaction === 'open').length === count
const until = async (fact) => {
  while (!fact()) await new Promise((resolve) => setTimeout(resolve, 5))
}
let dirty = false
lifeguard.on('finding', ({ kind }) => (dirty ||= kind === 'dirty-release'))

async function main() {
  await releaseTwice()
  await useLate()
  await leaveSetting()
  void leak()
  await until(() => held(1))
  leakByCallback()
  await until(() => held(2))
  void waitInTransaction(new Promise(() => {}))
  await until(() => held(3))
  await leaveTransaction()
  await until(() => dirty)
  clock.advance(11_000)
  await new Promise((resolve) => setTimeout(resolve, 20))
  process.exit()
}
void main()`,
} as const

/** The kind of each finding, the comment at its origin and that at the line of the event, in order. */
export const expected = [
  ['double-release', 'checks out to release twice', 'releases twice'],
  ['use-after-release', 'checks out to use late', 'uses late'],
  ['session-state', 'opens a session', 'sets'],
  ['dirty-release', 'begins by pool.query', 'nowhere'],
  ['idle-transaction', 'leaks', 'nowhere'],
  ['idle-transaction', 'leaks by callback', 'nowhere'],
  ['idle-transaction', 'opens a transaction', 'nowhere'],
] as const

/** Both copies of the package, each as the lifeguard and as what surrounds it. */
export const crossed = `
import { createServer } from 'node:http'
import pg from 'pg'
import * as one from 'pg-lifeguard'
import * as oneHttp from 'pg-lifeguard/http'
import * as oneTesting from 'pg-lifeguard/testing'
import * as two from 'other-lifeguard'
import * as twoHttp from 'other-lifeguard/http'
import * as twoTesting from 'other-lifeguard/testing'

async function judge(own, other, otherHttp, otherTesting) {
  const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL })
  const lines = []
  const reporter = other.jsonLinesReporter({ stream: { write: (line) => lines.push(JSON.parse(line)) } })
  const clock = other.manualClock()
  const lifeguard = own.createLifeguard({ clock, reporters: [reporter] })
  lifeguard.watch(pool)
  const server = createServer(otherHttp.withRequestScope(lifeguard, async (_request, response) => {
    await pool.connect()
    response.end()
  }))
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const response = await fetch('http://127.0.0.1:' + server.address().port + '/orders')
  await response.text()
  server.close()
  server.closeAllConnections()
  while (lifeguard.snapshot().scopes?.length > 0) await new Promise(setImmediate)
  await new Promise((resolve) => setTimeout(resolve, 20))
  clock.advance(10_000)
  await new Promise((resolve) => setTimeout(resolve, 20))
  const error = await otherTesting.verifyNone(lifeguard, { settleMillis: 0 }).catch((reason) => reason)
  const reported = lines.filter(({ event }) => event === 'finding').map(({ kind, scope }) => [kind, scope?.name])
  return { isOther: own !== other && own.createLifeguard !== other.createLifeguard, reported, error: error.name, isLeak: error instanceof own.LifeguardError }
}

async function main() {
  console.log(JSON.stringify(await judge(one, two, twoHttp, twoTesting)))
  console.log(JSON.stringify(await judge(two, one, oneHttp, oneTesting)))
  process.exit()
}
void main()`
