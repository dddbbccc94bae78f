import { describe, expect, it } from 'vitest'
import { type Lifeguard, OptionError } from '../../src/index.ts'
import { allowLeaks, LeakCheckError, LeakError, verifyNone } from '../../src/testing/verify.ts'
import { useDatabase } from '../support/database.ts'
import { guardedPool, hereLine } from '../support/guarded-pool.ts'

const db = useDatabase()
const quick = { settleMillis: 20 }

async function leakOf(lifeguard: Lifeguard, options: Parameters<typeof verifyNone>[1] = quick) {
  const error = await verifyNone(lifeguard, options).catch((reason: unknown) => reason)
  if (!(error instanceof LeakError)) throw new Error('nothing was found', { cause: error })
  return error
}

describe('verifyNone', () => {
  it('passes when everything is released', async () => {
    const { pool, lifeguard } = guardedPool({ ...db.config, max: 1 })
    const client = await pool.connect()
    await client.query('SELECT 1')
    client.release()
    await verifyNone(lifeguard)
  })

  it('waits for a release that is on its way', async () => {
    const { pool, lifeguard } = guardedPool({ ...db.config, max: 1 })
    const client = await pool.connect()
    const released = client.query('SELECT pg_sleep(0.05)').finally(() => client.release())
    await verifyNone(lifeguard, { settleMillis: 20_000 })
    await released
  })

  it('waits for the callers that stand in line, too', async () => {
    const { pool, lifeguard } = guardedPool({ ...db.config, max: 1 })
    const work = Array.from({ length: 5 }, async () => {
      const client = await pool.connect()
      await client.query('SELECT 1')
      client.release()
    })
    await verifyNone(lifeguard, { settleMillis: 20_000 })
    expect(pool.waitingCount).toBe(0)
    await Promise.all(work)
  })

  it('says where a session was checked out that is not released, and takes it back', async () => {
    const { pool, lifeguard } = guardedPool({ ...db.config, max: 1 })
    const client = await pool.connect()
    const line = hereLine(-1)
    await client.query('SELECT 1')
    const error = await leakOf(lifeguard)
    expect(error).toMatchObject({ name: 'LeakError', code: 'LIFEGUARD_LEAK' })
    expect(error.findings).toMatchObject([
      { kind: 'outlived-scope', origin: { file: import.meta.filename, line }, outcome: 'destroyed' },
    ])
    expect(error.message).toContain(`verify.test.ts:${line}:`)
    expect(error.message).toContain('> ')
    expect(error.message).toContain('const client = await pool.connect()')
    expect(error.stack?.split('\n').find((text) => text.startsWith('    at '))).toContain(
      `verify.test.ts:${line}:`,
    )
    // The only slot is free again.
    const next = await pool.connect()
    next.release()
    await verifyNone(lifeguard)
    expect(() => client.release()).not.toThrow()
  })

  it('gives locks back before it returns', async () => {
    const { pool, lifeguard } = guardedPool({ ...db.config, max: 2 })
    const client = await pool.connect()
    await client.query('BEGIN')
    await client.query('LOCK TABLE items IN ACCESS EXCLUSIVE MODE')
    expect((await leakOf(lifeguard)).findings).toMatchObject([{ checkout: { transaction: 'open' } }])
    const other = await pool.connect()
    await other.query('SET lock_timeout = 1')
    await other.query('SELECT count(*) FROM items')
    other.release(true)
  })

  it('takes the session of a running statement back', async () => {
    const { pool, lifeguard } = guardedPool({ ...db.config, max: 1 })
    const client = await pool.connect()
    const statement = client.query('SELECT pg_sleep(60)').catch((error: Error) => error)
    expect((await leakOf(lifeguard)).findings).toHaveLength(1)
    expect(await statement).toBeInstanceOf(Error)
  })

  it('takes back also what somebody gets who stood in line for a leaked session', async () => {
    const { pool, lifeguard } = guardedPool({ ...db.config, max: 1 })
    await pool.connect()
    const second = pool.connect()
    expect((await leakOf(lifeguard)).findings).toHaveLength(2)
    await second
    expect(lifeguard.snapshot().checkouts).toEqual([])
  })

  it('tells what was released dirty, and only once', async () => {
    const { pool, lifeguard } = guardedPool({ ...db.config, max: 1 })
    const client = await pool.connect()
    await client.query('BEGIN')
    client.release()
    expect((await leakOf(lifeguard)).findings).toMatchObject([{ kind: 'dirty-release' }])
    await verifyNone(lifeguard)
  })

  it('does not accuse a session that the server has ended', async () => {
    const { pool, lifeguard, found } = guardedPool({ ...db.config, max: 1 })
    const client = await pool.connect()
    const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
    await db.terminate(rows[0]?.pid ?? 0)
    await found('session-killed')
    client.release()
    await verifyNone(lifeguard)
  })

  it('leaves alone what is exempted', async () => {
    const { pool, lifeguard } = guardedPool({ ...db.config, max: 1 })
    const client = await pool.connect()
    lifeguard.exempt(client, 'LISTEN connection')
    await verifyNone(lifeguard, quick)
    await client.query('SELECT 1')
    client.release()
  })

  it.each([
    ['kind', { kind: 'outlived-scope' as const }],
    ['origin', { origin: 'verify.test.ts' }],
    ['function of the origin', { origin: /in holdForever$/ }],
    ['scope', { scope: /^nightly$/g }],
    ['reason', { reason: 'before the first statement' }],
  ])('leaves alone what is ignored by %s', async (_by, rule) => {
    const { pool, lifeguard } = guardedPool({ ...db.config, max: 1 })
    async function holdForever() {
      return await pool.connect()
    }
    const client = await lifeguard.runInScope({ kind: 'job', name: 'nightly' }, holdForever)
    await verifyNone(lifeguard, { ...quick, ignore: [rule] })
    await verifyNone(lifeguard, { ...quick, ignore: [{ origin: 'elsewhere' }, rule] })
    await client.query('SELECT 1')
    const others = { ...rule, kind: 'dirty-release' as const }
    expect((await leakOf(lifeguard, { ...quick, ignore: [others] })).findings).toHaveLength(1)
  })

  it('tells several at once, each with its source', async () => {
    const { pool, lifeguard } = guardedPool({ ...db.config, max: 2 })
    await pool.connect()
    await pool.connect()
    const { message } = await leakOf(lifeguard)
    expect(message).toMatch(/^2 leaks\n/)
    expect(message.match(/^ +> \d+ \|/gm)).toHaveLength(2)
  })
})

it('refuses allowLeaks outside of a test that is checked', () => {
  const { lifeguard } = guardedPool({ ...db.config, max: 1 })
  expect(() => allowLeaks(lifeguard, 'no reason')).toThrow(LeakCheckError)
  expect(() => allowLeaks(lifeguard, ' ')).toThrow(OptionError)
})

it.each([
  [{ ignored: [] }, 'ignored'],
  [{ ignore: {} }, 'ignore'],
  [{ ignore: [{}] }, 'ignore[0]'],
  [{ ignore: [{ kind: 'leak' }] }, 'ignore[0].kind'],
  [{ ignore: [{ origin: 'a' }, { scope: 1 }] }, 'ignore[1].scope'],
  [{ ignore: [{ name: 'a' }] }, 'ignore[0].name'],
  [{ settleMillis: -1 }, 'settleMillis'],
  [{ settleMillis: '1 s' }, 'settleMillis'],
])('refuses the options %j', async (options, option) => {
  const { lifeguard } = guardedPool({ ...db.config, max: 1 })
  await expect(verifyNone(lifeguard, options as never)).rejects.toMatchObject({ option })
})
