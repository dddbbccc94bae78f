import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { FindingKind, Lifeguard } from 'pg-lifeguard'

export interface Pools {
  /** Ten clients, shared with the traffic. */
  readonly main: pg.Pool
  /** One client, for leaks that harm the next owner, where no remedy prevents that. */
  readonly side: pg.Pool
  /** Two clients, for leaks of callers that wait. */
  readonly tiny: pg.Pool
}

export interface Leaking {
  readonly id: string
  readonly pools: Pools
  readonly lifeguard: Lifeguard
  readonly databaseUrl: string
  /** True if the remedies act. Then leaks that harm the next owner of a session go to the main pool, too. */
  readonly enforces: boolean
  /** The leak exists, with these clients. Resolves when it has been found, and the code may go on to its end. */
  made(...clients: readonly pg.PoolClient[]): Promise<void>
  /** The leak exists until this runs; the request is answered before. */
  makeAndLeave(client: pg.PoolClient, heal: () => Promise<void>): void
  /** The code of the leak was refused as it should be, or was not. */
  expect(fact: boolean, otherwise: string): void
}

type Leak = (leaking: Leaking) => Promise<void>

/** Each comment `here` and `then` marks a line that the finding must name. */
export const leaks: Readonly<Record<FindingKind, Leak>> = {
  async 'idle-transaction'({ id, pools, enforces, made, expect }) {
    const client = await pools.main.connect() // here: idle-transaction
    try {
      await client.query('BEGIN')
      await client.query('INSERT INTO leaked (id) VALUES ($1)', [id])
      await made(client)
      if (!enforces) return void (await client.query('ROLLBACK'))
      const refused = await client.query('COMMIT').then(
        () => false,
        () => true,
      )
      expect(refused, 'COMMIT of a transaction that was rolled back')
      await client.query('ROLLBACK')
    } finally {
      release(client)
    }
  },

  async 'long-transaction'({ pools, made }) {
    const client = await pools.main.connect() // here: long-transaction
    let isOver = false
    try {
      await client.query('BEGIN')
      const over = made(client).finally(() => {
        isOver = true
      })
      while (!isOver) {
        await client.query('SELECT 1')
        await sleep(100)
      }
      await over
      await client.query('COMMIT')
    } finally {
      release(client)
    }
  },

  async 'long-hold'({ pools, made }) {
    const client = await pools.main.connect() // here: long-hold
    try {
      await client.query('SELECT 1')
      await made(client)
    } finally {
      release(client)
    }
  },

  async 'outlived-scope'({ pools, makeAndLeave }) {
    const client = await pools.main.connect() // here: outlived-scope
    await client.query('SELECT 1').catch(releasing(client))
    makeAndLeave(client, async () => release(client))
  },

  async 'dirty-release'({ id, pools, enforces, made }) {
    const client = await (enforces ? pools.main : pools.side).connect() // here: dirty-release
    await client.query('BEGIN').catch(releasing(client))
    await client.query('INSERT INTO leaked (id) VALUES ($1)', [id]).catch(releasing(client))
    release(client)
    await made()
    if (!enforces) await pools.side.query('ROLLBACK')
  },

  async 'busy-release'({ pools, enforces, made }) {
    const client = await (enforces ? pools.main : pools.side).connect() // here: busy-release
    await client.query('SELECT 1').catch(releasing(client))
    const running = client.query('SELECT pg_sleep(0.2)').catch(() => {})
    release(client)
    await made()
    await running
  },

  async 'double-release'({ pools, made }) {
    const client = await pools.side.connect() // here: double-release
    await client.query('SELECT 1').catch(releasing(client))
    client.release()
    try {
      client.release() // then: double-release
    } catch {}
    await made()
  },

  async 'use-after-release'({ pools, made }) {
    const client = await pools.side.connect() // here: use-after-release
    await client.query('SELECT 1').catch(releasing(client))
    client.release()
    const late = client.query('SELECT 2').catch(() => {}) // then: use-after-release
    await made()
    await late
  },

  async 'session-state'({ pools, enforces, made }) {
    const client = await (enforces ? pools.main : pools.side).connect() // here: session-state
    await client.query("SET statement_timeout = '61s'").catch(releasing(client)) // then: session-state
    release(client)
    await made()
    if (!enforces) await pools.side.query('RESET statement_timeout')
  },

  async 'lost-commit'({ id, pools, made }) {
    const client = await pools.main.connect() // here: lost-commit
    try {
      await client.query('BEGIN')
      await client.query('INSERT INTO leaked (id) VALUES ($1)', [id])
      await client.query('SELECT 1 / 0').catch((error) => {
        if (error.code !== '22012') throw error
      })
      await client.query('COMMIT')
    } finally {
      release(client)
    }
    await made()
  },

  async 'session-killed'({ pools, made }) {
    const client = await pools.main.connect() // here: session-killed
    try {
      await client.query('SELECT 1')
      await made(client)
    } finally {
      client.release(true)
    }
  },

  async 'nested-acquire'({ pools, lifeguard, made }) {
    const other = await inOtherScope(lifeguard, () => pools.tiny.connect())
    const holder = await pools.tiny.connect().catch(releasing(other))
    const nested = pools.tiny.connect() // here: nested-acquire
    nested.catch(() => {})
    await made(holder, other)
    release(other)
    await nested.then(release, () => {})
    release(holder)
  },

  async 'pool-deadlock'({ pools, enforces, made, expect }) {
    const holder = await pools.side.connect()
    const nested = pools.side.connect() // here: pool-deadlock
    const refused = nested.then(
      () => false,
      () => true,
    )
    await made(holder)
    if (enforces && !brokenClients.has(holder)) expect(await refused, 'a caller in a deadlock')
    release(holder)
    await nested.then(release, () => {})
  },

  async 'pool-exhausted'({ pools, lifeguard, made }) {
    const first = await inOtherScope(lifeguard, () => pools.tiny.connect())
    const second = await inOtherScope(lifeguard, () => pools.tiny.connect()).catch(releasing(first))
    const waiting = pools.tiny.connect() // here: pool-exhausted
    waiting.catch(() => {})
    await made(first, second)
    release(first)
    release(second)
    await waiting.then(release, () => {})
  },

  async 'blocked-shutdown'({ databaseUrl, lifeguard, made }) {
    const pool = new pg.Pool({ connectionString: databaseUrl, max: 1 })
    pool.on('error', () => {})
    lifeguard.watch(pool, { name: 'temporary' })
    const client = await pool.connect() // here: blocked-shutdown
    await client.query('SELECT 1').catch(releasing(client))
    const ended = pool.end()
    await made(client)
    release(client)
    await ended
  },
}

/** Connections that a fault has ended must not go back into the pool, as in any correct program. */
function release(client: pg.PoolClient): void {
  try {
    client.release(brokenClients.has(client))
  } catch {}
}

const brokenClients = new WeakSet<pg.PoolClient>()

/** Notes clients whose connection fails. */
export function noteBroken(client: pg.PoolClient): void {
  brokenClients.add(client)
}

function releasing(client: pg.PoolClient): (error: unknown) => never {
  return (error) => {
    release(client)
    throw error
  }
}

function inOtherScope<Value>(lifeguard: Lifeguard, work: () => Promise<Value>): Promise<Value> {
  return lifeguard.detach(work)
}
