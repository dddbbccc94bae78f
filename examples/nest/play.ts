import { setTimeout as pause } from 'node:timers/promises'
import { consoleReporter } from 'pg-lifeguard'
import { DataSource } from 'typeorm'
import { startService } from './app.ts'

const { DATABASE_URL = 'postgres://localhost/postgres' } = process.env
const reporters = [consoleReporter({ stream: process.stdout, info: false })]
const { app, lifeguard, url } = await startService(DATABASE_URL, { mode: 'enforce', reporters })
await app
  .get(DataSource)
  .query('CREATE TABLE IF NOT EXISTS orders (id int PRIMARY KEY, total numeric NOT NULL)')

await visit('/orders/404')
// The grace of a request is a second.
while (lifeguard.snapshot().findings.length === 0) await pause(20)

process.stdout.write('\nThe same done right:\n\n')
await visit('/v2/orders/404')
await app.close()
await lifeguard.close()

async function visit(path: string): Promise<void> {
  const { status } = await fetch(url + path)
  process.stdout.write(`GET ${path} -> ${status}\n`)
}
