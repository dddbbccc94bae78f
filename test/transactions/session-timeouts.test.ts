import pg from 'pg'
import { describe, expect, it } from 'vitest'
import {
  createLifeguard,
  manualClock,
  OptionError,
  type PoolTimeoutOptions,
  type SessionTimeouts,
  sessionTimeouts,
} from '../../src/index.ts'
import { missingTimeouts } from '../../src/transactions/session-timeouts.ts'
import { useDatabase } from '../support/database.ts'

const db = useDatabase()

/** What the server says of a session that was started with these options. */
async function settingsOf(options: PoolTimeoutOptions) {
  const pool = new pg.Pool({ ...db.config, max: 1, ...options })
  try {
    const { rows } = await pool.query(`
      SELECT name, setting::int AS millis FROM pg_settings
      WHERE name IN ('statement_timeout', 'idle_in_transaction_session_timeout', 'lock_timeout')`)
    return Object.fromEntries(rows.map(({ name, millis }) => [name, millis]))
  } finally {
    await pool.end()
  }
}

describe('the options', () => {
  it('are safe ones without being told any', () => {
    expect(sessionTimeouts()).toEqual({
      statement_timeout: 30_000,
      idle_in_transaction_session_timeout: 60_000,
      lock_timeout: 10_000,
      connectionTimeoutMillis: 10_000,
    })
  })

  it('are what was asked for', () => {
    const timeouts = { statementMillis: 1, idleInTransactionMillis: 2, lockMillis: 3, acquireMillis: 4 }
    expect(sessionTimeouts(timeouts)).toEqual({
      statement_timeout: 1,
      idle_in_transaction_session_timeout: 2,
      lock_timeout: 3,
      connectionTimeoutMillis: 4,
    })
  })

  it('leave out what is false, and fill in what is undefined', () => {
    expect(sessionTimeouts({ statementMillis: false, lockMillis: undefined } as never)).toEqual({
      idle_in_transaction_session_timeout: 60_000,
      lock_timeout: 10_000,
      connectionTimeoutMillis: 10_000,
    })
  })

  it.each<[unknown, string]>([
    [
      { statementTimeout: 5 },
      'unknown option sessionTimeouts.statementTimeout; did you mean sessionTimeouts.statementMillis? (got 5)',
    ],
    ...[0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31, '5s', '5000', true, null, {}].map(
      (value): [unknown, string] => [
        { lockMillis: value },
        'sessionTimeouts.lockMillis must be a positive whole number of milliseconds (at most 2147483647) or false, got ',
      ],
    ),
    [null, 'sessionTimeouts(timeouts) must be an object, got null'],
    [5000, 'sessionTimeouts(timeouts) must be an object, got 5000'],
    ['5s', 'sessionTimeouts(timeouts) must be an object, got "5s"'],
  ])('are refused: %o', (timeouts, message) => {
    expect(() => sessionTimeouts(timeouts as SessionTimeouts)).toThrow(OptionError)
    expect(() => sessionTimeouts(timeouts as SessionTimeouts)).toThrow(message)
  })
})

describe('on the server', () => {
  it('a session has the timeouts that its pool was given', async () => {
    expect(
      await settingsOf(
        sessionTimeouts({ statementMillis: 4321, idleInTransactionMillis: 7654, lockMillis: 1234 }),
      ),
    ).toEqual({ statement_timeout: 4321, idle_in_transaction_session_timeout: 7654, lock_timeout: 1234 })
  })

  it('a session can be given the longest that is taken', async () => {
    const longest = 2 ** 31 - 1
    const timeouts = { statementMillis: longest, idleInTransactionMillis: longest, lockMillis: longest }
    expect(await settingsOf(sessionTimeouts({ ...timeouts, acquireMillis: longest }))).toEqual({
      statement_timeout: longest,
      idle_in_transaction_session_timeout: longest,
      lock_timeout: longest,
    })
  })

  it('a session has the defaults of the server for what was left out', async () => {
    const none = { statementMillis: false, idleInTransactionMillis: false, lockMillis: false } as const
    expect(await settingsOf(sessionTimeouts(none))).toEqual({
      statement_timeout: 0,
      idle_in_transaction_session_timeout: 0,
      lock_timeout: 0,
    })
  })

  it('a statement that takes too long is cancelled', async () => {
    const pool = new pg.Pool({ ...db.config, max: 1, ...sessionTimeouts({ statementMillis: 50 }) })
    await expect(pool.query('SELECT pg_sleep(30)')).rejects.toMatchObject({ code: '57014' })
    await pool.end()
  })

  it('a caller waits for a client no longer than the pool was told', async () => {
    const pool = new pg.Pool({ ...db.config, max: 1, ...sessionTimeouts({ acquireMillis: 1500 }) })
    const holder = await pool.connect()
    await expect(pool.connect()).rejects.toThrow('timeout exceeded when trying to connect')
    holder.release()
    await pool.end()
  })
})

describe('what a pool lacks', () => {
  it.each<[unknown, string | undefined]>([
    [{ options: sessionTimeouts() }, undefined],
    [
      { options: {} },
      'no statement_timeout, idle_in_transaction_session_timeout, lock_timeout, connectionTimeoutMillis: see sessionTimeouts()',
    ],
    [{ options: { ...sessionTimeouts(), lock_timeout: 0 } }, 'no lock_timeout: see sessionTimeouts()'],
    [
      { options: { ...sessionTimeouts(), statement_timeout: false } },
      'no statement_timeout: see sessionTimeouts()',
    ],
    [{}, undefined],
    [{ options: null }, undefined],
    [null, undefined],
    [undefined, undefined],
    ['pool', undefined],
  ])('of %o is told as %j', (pool, told) => {
    expect(missingTimeouts(pool)).toBe(told)
  })

  it('is told once when it is watched, with the name of the pool', async () => {
    const told: string[] = []
    const reporter = { finding() {}, info: (message: string) => told.push(message) }
    const lifeguard = createLifeguard({ clock: manualClock(), reporters: [reporter] })
    const bare = new pg.Pool({ ...db.config, lock_timeout: 5 })
    const safe = new pg.Pool({ ...db.config, ...sessionTimeouts() })
    lifeguard.watch(bare, { name: 'bare' })
    lifeguard.watch(bare, { name: 'bare' })
    lifeguard.watch(safe, { name: 'safe' })
    expect(told).toEqual([
      'pool bare has no statement_timeout, idle_in_transaction_session_timeout, connectionTimeoutMillis: see sessionTimeouts()',
    ])
    await lifeguard.close()
    await Promise.all([bare.end(), safe.end()])
  })
})
