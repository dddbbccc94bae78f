import type pg from 'pg'
import type { Crowd } from './concurrent.ts'
import { limits } from './owners.ts'

/** What one owner does from connect to release, or instead of release. */
export interface Life {
  readonly name: string
  readonly weight: number
  readonly isCorrect: boolean
  live(crowd: Crowd): Promise<void>
}

type Release = (error?: Error | boolean) => void
/** Gives the client back, or does something like it. */
type Finish = (release: Release, client: pg.PoolClient) => void

/** A client, or nothing if the pool had none in time or its connection failed. */
async function checkOut({ pool, random, correct }: Crowd): Promise<pg.PoolClient | undefined> {
  const connecting = random.chance(0.5)
    ? pool.connect()
    : new Promise<pg.PoolClient>((resolve, reject) => {
        pool.connect((error, client) => (client === undefined ? reject(error) : resolve(client)))
      })
  try {
    return await connecting
  } catch (error) {
    if (correct) throw error
    return undefined
  }
}

/**
 * Inserts some rows and ends the transaction. What the server says decides which rows must be there: all of them after
 * COMMIT, none if COMMIT was not sent or was refused, and nobody knows if the connection was lost meanwhile.
 */
async function transact(
  crowd: Crowd,
  client: pg.PoolClient,
  { pause = 0, slow = false } = {},
): Promise<void> {
  const { random } = crowd
  const tags: string[] = []
  // Somebody may have left a transaction open where no remedy ends it.
  await client.query('ROLLBACK')
  await client.query('BEGIN')
  try {
    for (let left = 1 + random.below(3); left > 0; left--) {
      const tag = crowd.nextTag()
      await client.query('INSERT INTO tagged VALUES ($1)', [tag])
      tags.push(tag)
      if (pause > 0) await crowd.sleep(pause)
    }
    if (random.chance(0.2)) await client.query('SELECT 1/0')
    if (random.chance(0.2)) {
      await client.query('SAVEPOINT s')
      await client.query('SELECT 1/0').catch(() => {})
      await client.query('ROLLBACK TO s')
    }
    if (slow) await client.query('INSERT INTO slow VALUES ($1)', [random.below(15)])
    await commit(crowd, client, tags)
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {})
    throw error
  }
}

async function commit({ rows }: Crowd, client: pg.PoolClient, tags: readonly string[]): Promise<void> {
  try {
    const { command } = await client.query('COMMIT')
    if (command === 'COMMIT') for (const tag of tags) rows.certain.add(tag)
  } catch (error) {
    // With an answer of the server or of the guard nothing was saved; without one it may have been.
    if (!isAnswered(error)) for (const tag of tags) rows.possible.add(tag)
    throw error
  }
}

function isAnswered(error: unknown): boolean {
  const { code } = error as { code?: unknown }
  // Cut off by an administrator, or taken away while the statement was under way: it may have come to its end.
  return typeof code === 'string' && code !== '57P01' && code !== 'LIFEGUARD_SESSION_DESTROYED'
}

/** Runs `work` and gives the client back with `finish`, whatever happens. */
async function using(
  crowd: Crowd,
  work: (client: pg.PoolClient) => Promise<void>,
  finish: Finish,
): Promise<void> {
  const client = await checkOut(crowd)
  if (client === undefined) return
  // Its own release: by and by the client has another one, of another owner.
  const { release } = client
  try {
    await work(client)
  } catch {
    // Errors are the daily bread of these owners; what they must not do is cost a slot or a row.
  } finally {
    finish(release, client)
  }
}

const releases: Finish = (release) => release()

function life(name: string, weight: number, isCorrect: boolean, live: (crowd: Crowd) => Promise<void>): Life {
  return { name, weight, isCorrect, live }
}

/** Leaves rows in an open transaction, which nobody may save where remedies are at work. */
async function leaveOpen(crowd: Crowd, client: pg.PoolClient): Promise<void> {
  const tag = crowd.nextTag()
  await client.query('ROLLBACK')
  await client.query('BEGIN')
  if (!crowd.leftoversAreSafe) crowd.rows.possible.add(tag)
  await client.query('INSERT INTO tagged VALUES ($1)', [tag])
}

export const lives: readonly Life[] = [
  life('transaction', 10, true, (crowd) => using(crowd, (client) => transact(crowd, client), releases)),
  life('transaction with a slow COMMIT', 4, true, (crowd) =>
    using(crowd, (client) => transact(crowd, client, { slow: true }), releases),
  ),
  life('pool.query', 6, true, async (crowd) => {
    const { pool, random, rows, leftoversAreSafe, correct } = crowd
    const tag = crowd.nextTag()
    const failing = random.chance(0.2)
    if (!leftoversAreSafe && !correct) rows.possible.add(tag)
    try {
      await pool.query(failing ? 'SELECT 1/0' : 'INSERT INTO tagged VALUES ($1)', failing ? [] : [tag])
      rows.certain.add(tag)
    } catch (error) {
      if (!failing && !isAnswered(error)) rows.possible.add(tag)
    }
  }),
  life('lifeguard.transaction', 4, true, async (crowd) => {
    const { lifeguard, pool, rows, random } = crowd
    const tag = crowd.nextTag()
    const failing = random.chance(0.3)
    try {
      await lifeguard.transaction(pool, async (client) => {
        await client.query('INSERT INTO tagged VALUES ($1)', [tag])
        if (failing) throw new Error('changed its mind')
      })
      rows.certain.add(tag)
    } catch (error) {
      if (!failing && !isAnswered(error)) rows.possible.add(tag)
    }
  }),
  life('lifeguard.session', 2, true, async (crowd) => {
    try {
      await using session = await crowd.lifeguard.session(crowd.pool)
      await leaveOpen(crowd, session.client)
    } catch {
      // As above.
    }
  }),
  life('idle in transaction', 6, false, (crowd) =>
    using(
      crowd,
      (client) => transact(crowd, client, { pause: crowd.random.below(2 * limits.idleTransactionMillis) }),
      releases,
    ),
  ),
  life('held for long', 2, false, (crowd) =>
    using(crowd, () => crowd.sleep(crowd.random.below(2 * limits.holdMillis)), releases),
  ),
  life('released dirty', 4, false, (crowd) => using(crowd, (client) => leaveOpen(crowd, client), releases)),
  life('released in the callback of a failure', 4, false, (crowd) =>
    using(
      crowd,
      async (client) => {
        await leaveOpen(crowd, client)
      },
      (release, client) => {
        void client.query('SELECT 1/0', () => release())
      },
    ),
  ),
  life('released before the answer', 4, false, (crowd) =>
    using(
      crowd,
      (client) => leaveOpen(crowd, client),
      (release, client) => {
        client.query(crowd.random.pick(['SELECT pg_sleep(0.002)', 'SELECT 1', 'ROLLBACK'])).catch(() => {})
        release()
      },
    ),
  ),
  life('released twice', 3, false, (crowd) =>
    using(
      crowd,
      (client) => transact(crowd, client),
      (release) => {
        release()
        try {
          release()
        } catch {
          // What node-postgres does about it.
        }
      },
    ),
  ),
  life('released late, and once more', 3, false, (crowd) =>
    using(
      crowd,
      async (client) => {
        await leaveOpen(crowd, client)
        await crowd.sleep(3 * limits.idleTransactionMillis)
      },
      (release) => {
        release()
        void crowd.sleep(500).then(() => {
          try {
            release()
          } catch {
            // As above.
          }
        })
      },
    ),
  ),
  life('released with an error', 3, false, (crowd) =>
    using(
      crowd,
      (client) => leaveOpen(crowd, client),
      (release) => release(true),
    ),
  ),
  life('client.end()', 2, false, (crowd) =>
    using(
      crowd,
      async (client) => {
        await leaveOpen(crowd, client)
        await (client as unknown as pg.Client).end()
      },
      releases,
    ),
  ),
  life('pool.query(BEGIN)', 2, false, async ({ pool }) => {
    await pool.query('BEGIN').catch(() => {})
  }),
  life('pool.query of a script that fails', 2, false, async ({ pool }) => {
    await pool.query('BEGIN; SELECT 1/0').catch(() => {})
  }),
  life('connects only to see', 3, true, async ({ pool }) => {
    await new Promise<void>((resolve) => {
      pool.connect((error, _client, release) => {
        if (!error) release()
        resolve()
      })
    })
  }),
]
