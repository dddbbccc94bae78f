/** Plays a service of the examples from start to end: visits its routes, and checks what the lifeguard says of them. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { get as request } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import { consoleReporter, type Finding } from 'pg-lifeguard'
import { startServer } from '../../test/support/embedded-server.ts'
import type { startService } from './app.ts'

/** No machine is as slow as that. */
const patienceMillis = 20_000

/** @throws AssertionError if the service or the lifeguard does anything else than its README says */
export async function play(start: typeof startService): Promise<void> {
  const { DATABASE_URL } = process.env
  if (DATABASE_URL) return playOn(DATABASE_URL, start)
  await using server = await startServer()
  await playOn(server.url, start)
}

async function playOn(databaseUrl: string, start: typeof startService): Promise<void> {
  await fillTable(databaseUrl)
  const reporters = [consoleReporter({ stream: process.stdout, info: false })]
  const service = await start(databaseUrl, { mode: 'enforce', reporters })
  const { lifeguard, pool, url } = service
  const findings: Finding[] = []
  lifeguard.on('finding', (finding) => findings.push(finding))
  try {
    await visit('/orders/404')
    await eventually(() => findings.length === 1)
    await leave('/orders.csv')
    await eventually(() => findings.length === 2)
    const told = findings.map(({ kind, scope, outcome }) => [kind, scope?.name, scope?.ending, outcome])
    assert.deepEqual(told, [
      ['outlived-scope', 'GET /orders/:id', 'answered', 'destroyed'],
      ['outlived-scope', 'GET /orders.csv', 'the client aborted', 'destroyed'],
    ])

    say('Both slots of the pool are free again. The same done right:\n')
    await visit('/v2/orders/404')
    await visit('/v2/orders/7')
    await leave('/v2/orders.csv')
    await eventually(() => pool.idleCount === pool.totalCount)
    assert.equal(findings.length, 2)
    say('\nNothing more was found.')
  } finally {
    await service.close()
  }

  async function visit(path: string): Promise<void> {
    const response = await fetch(url + path)
    await response.text()
    say(`GET ${path} -> ${response.status}`)
  }

  /** Reads the beginning of an answer, and hangs up. */
  async function leave(path: string): Promise<void> {
    const outgoing = request(url + path).on('error', () => {})
    const [incoming] = await once(outgoing, 'response')
    await once(incoming, 'data')
    outgoing.destroy()
    say(`GET ${path} -> ${incoming.statusCode}, and the client leaves`)
  }
}

async function fillTable(databaseUrl: string): Promise<void> {
  const client = new pg.Client(databaseUrl)
  await client.connect()
  await client.query('CREATE TABLE IF NOT EXISTS orders (id int PRIMARY KEY, total numeric NOT NULL)')
  await client.query(
    'INSERT INTO orders SELECT n, n * 1.5 FROM generate_series(1, 200000) n WHERE n <> 404 ON CONFLICT DO NOTHING',
  )
  await client.end()
}

async function eventually(isSo: () => boolean): Promise<void> {
  const deadline = performance.now() + patienceMillis
  while (!isSo()) {
    assert.ok(performance.now() < deadline, `not within ${patienceMillis} ms: ${isSo}`)
    await pause(20)
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
