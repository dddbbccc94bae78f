/** What the README tells: a route answers that there is no such dataset, and ten seconds pass. */
import { strictEqual } from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { clock } from './clock.ts'
import { app } from './src/server.ts'

// As on a terminal that is as wide as the README.
Object.assign(process.stderr, { columns: 100 })

const server = app.listen(0, '127.0.0.1')
await once(server, 'listening')
const { port } = server.address() as AddressInfo
const response = await fetch(`http://127.0.0.1:${port}/datasets/42`)
strictEqual(response.status, 404)
clock.advance(10_000)
// The client that the route has forgotten would keep the process alive.
process.exit()
