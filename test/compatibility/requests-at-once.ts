import { setImmediate as turn } from 'node:timers/promises'
import type { PoolClient } from 'pg'
import { expect } from 'vitest'
import type { LifeguardOptions } from '../../src/index.ts'
import { seededRandom } from '../randomised/random.ts'
import type { TestDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { guardedPool } from '../support/guarded-pool.ts'

const atOnce = 200
/** Of a hundred: requests that forget a client, and requests that end before their work does. */
const forgetful = 3
const aborted = 20

interface Leak {
  readonly id: string
  readonly client: PoolClient
}

/** In each round, two hundred requests at once share a pool of five: each finding names the right one. */
export async function expectRightRequests(
  db: TestDatabase,
  mode: NonNullable<LifeguardOptions['mode']>,
  { rounds, leastLeaks }: { readonly rounds: number; readonly leastLeaks: number },
): Promise<void> {
  // Time passes in one leap for all two hundred.
  const limits = { holdMillis: false, acquireWaitMillis: false } as const
  const { pool, lifeguard, clock, findings } = guardedPool(
    { ...db.config, max: 5 },
    { mode, limits, queryText: 'full' },
  )
  const random = seededRandom(20_251_124)
  const leaks: Leak[] = []
  let checkouts = 0

  function take(byCallback: boolean): Promise<PoolClient> {
    checkouts += 1
    if (!byCallback) return pool.connect()
    return new Promise((resolve, reject) =>
      pool.connect((error, client) => (client === undefined ? reject(error) : resolve(client))),
    )
  }

  /** One request: a few checkouts one after the other, each of which says in its statement whose it is. */
  async function serve(id: string): Promise<void> {
    const scope = lifeguard.openScope({ kind: 'request', name: () => `GET /${id}`, id })
    const leaksAt = random.below(100) < forgetful ? random.below(3) : undefined
    const abortsAt = random.below(100) < aborted ? random.below(3) : undefined
    const byCallback = random.chance(0.5)
    await scope.run(async () => {
      for (let step = 0; step < 3; step += 1) {
        if (step === abortsAt) scope.end('the client aborted')
        const client = await take(byCallback)
        await client.query(`SELECT ${id}`)
        if (step === leaksAt) {
          leaks.push({ id, client })
          break
        }
        if (random.chance(0.5)) await turn()
        client.release()
      }
    })
    scope.end('answered')
  }

  let released = 0
  for (let round = 0; round < rounds; round += 1) {
    let serving = atOnce
    for (let n = 0; n < atOnce; n += 1) {
      void serve(String(1_000 * (round + 1) + n)).finally(() => (serving -= 1))
    }
    while (serving > 0 || released < leaks.length) {
      await turn()
      if (leaks.length - released < 5 && serving > 0) continue
      // All clients are forgotten, or all requests are served: time passes, and what is found comes back.
      await turn()
      for (let step = 0; step < 13; step += 1) clock.advance(100)
      for (const { client } of leaks.slice(released)) client.release()
      released = leaks.length
    }
  }

  expect(checkouts).toBeGreaterThan(500 * rounds)
  expect(leaks.length).toBeGreaterThanOrEqual(leastLeaks)
  // In enforce each is told when its session is destroyed.
  await eventually(() => expect(findings.length).toBeGreaterThanOrEqual(leaks.length))
  const found = findings.map(({ kind, scope, checkout }) => ({
    ...{ kind, id: scope?.id ?? '', name: scope?.name, lastQuery: checkout.lastQuery },
  }))
  const forgotten = leaks.map(({ id }) => ({
    ...{ kind: 'outlived-scope', id, name: `GET /${id}`, lastQuery: `SELECT ${id}` },
  }))
  expect(sorted(found)).toEqual(sorted(forgotten))
  // Nobody who has released is among them, aborted or not, and every client is back.
  await eventually(() => expect(pool).toMatchObject({ waitingCount: 0, idleCount: pool.totalCount }))
  expect(lifeguard.snapshot().checkouts).toEqual([])
}

function sorted<Item extends { readonly id: string }>(items: readonly Item[]): Item[] {
  return items.toSorted((one, other) => Number(one.id) - Number(other.id))
}
