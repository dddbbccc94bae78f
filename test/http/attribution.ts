import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import express from 'express'
import { expect } from 'vitest'
import { lifeguardMiddleware } from '../../src/http/express.ts'
import { seededRandom } from '../randomised/random.ts'
import type { TestDatabase } from '../support/database.ts'
import { guardedPool } from '../support/guarded-pool.ts'
import { listen } from './hosts.ts'

const inFlight = 200

/** Some of those that leak are answered when their client has given up, however fast or slow the machine is. */
const isAborted = (id: number) => id % 40 === 0

/** The right request is named for each leak among many, some aborted, that share five clients. */
export async function expectRightAttribution(db: TestDatabase, requests: number): Promise<void> {
  const { pool, lifeguard, clock, findings } = guardedPool(
    { ...db.config, max: 5 },
    {
      mode: 'enforce',
      queryText: 'full',
      // Nothing but scopes; who waits for a client here waits long.
      limits: { acquireWaitMillis: false, holdMillis: false },
    },
  )
  const random = seededRandom(20_260)
  const leaked = new Set<number>()
  let working = 0

  const app = express().use(lifeguardMiddleware(lifeguard))
  app.get('/items/:id', async (request, response) => {
    const id = Number(request.params.id)
    const client = await pool.connect()
    working += 1
    // Through this text each checkout says itself whose it is.
    await client.query(`SELECT ${id}`)
    if (id % 20 === 0) leaked.add(id)
    else client.release()
    working -= 1
    if (isAborted(id) && !response.closed) await once(response, 'close')
    response.end()
  })
  const port = await listen(createServer(app as RequestListener))

  let next = 0
  let visiting = inFlight
  async function visit(): Promise<void> {
    while (next < requests) {
      const id = next++
      const patience = isAborted(id) ? 200 : random.chance(0.3) ? random.below(20) : undefined
      const signal = patience === undefined ? null : AbortSignal.timeout(patience)
      await fetch(`http://127.0.0.1:${port}/items/${id}`, { signal, headers: { 'x-request-id': `r-${id}` } })
        .then((response) => response.text())
        .catch(() => {})
    }
    visiting -= 1
  }
  const visits = Promise.all(Array.from({ length: inFlight }, visit))
  // Time passes while nobody is at work, so that no grace ends under a correct handler.
  while (visiting > 0 || pool.waitingCount > 0 || findings.length < leaked.size) {
    if (working === 0) clock.advance(300)
    await pause(1)
  }
  await visits

  const told = findings.map(({ kind, scope, checkout }) => [kind, scope?.name, scope?.id, checkout.lastQuery])
  const due = [...leaked].map((id) => ['outlived-scope', 'GET /items/:id', `r-${id}`, `SELECT ${id}`])
  expect(told.toSorted()).toEqual(due.toSorted())
  expect(leaked.size).toBeGreaterThan(requests / 40)
  expect(new Set(findings.map(({ scope }) => scope?.ending))).toEqual(
    new Set(['answered', 'the client aborted']),
  )
}
