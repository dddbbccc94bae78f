import { setTimeout as pause } from 'node:timers/promises'
import { consoleReporter } from 'pg-lifeguard'
import { startService } from './app.ts'

const { DATABASE_URL = 'postgres://localhost/postgres' } = process.env
const reporters = [consoleReporter({ stream: process.stdout, info: false })]
const { app, lifeguard, url } = await startService(DATABASE_URL, { mode: 'enforce', reporters })
await app.pg.query('CREATE TABLE IF NOT EXISTS orders (id int PRIMARY KEY, total numeric NOT NULL)')
await app.pg.query('INSERT INTO orders VALUES (7, 10) ON CONFLICT DO NOTHING')

await visit('GET', '/orders/404')
await nextFinding()
await visit('POST', '/orders/7')

process.stdout.write('\nThe same done right:\n\n')
await visit('GET', '/v2/orders/404')
await visit('POST', '/v2/orders/7')
await app.close()

async function visit(method: string, path: string): Promise<void> {
  const { status } = await fetch(url + path, { method })
  process.stdout.write(`${method} ${path} -> ${status}\n`)
}

/** The grace of a scope is a second of the clock. */
async function nextFinding(): Promise<void> {
  while (lifeguard.snapshot().findings.length === 0) await pause(20)
}
