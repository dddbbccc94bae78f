import { describe, expect, it } from 'vitest'
import type { Finding } from '../../src/index.ts'
import { createLeakCheck, type LeakCheckOptions } from '../../src/testing/leak-check.ts'
import { allowLeaks, LeakCheckError, LeakError } from '../../src/testing/verify.ts'
import { useDatabase } from '../support/database.ts'
import { guardedPool } from '../support/guarded-pool.ts'

const db = useDatabase()
const traits = { name: 'a runner', showsFrames: false, waitsForExit: false }

function checked(options: LeakCheckOptions = {}) {
  const guarded = guardedPool({ ...db.config, max: 2 })
  return {
    ...guarded,
    check: createLeakCheck(
      guarded.lifeguard,
      { settleMillis: 20, unendedPools: 'ignore', ...options },
      traits,
    ),
  }
}

describe('a test under the leak check', () => {
  it('passes when its sessions are released', async () => {
    const { pool, check } = checked()
    const test = check.begin({ name: 'clean' })
    const client = await test.run(() => pool.connect())
    client.release()
    expect(await test.finish('passed')).toBeUndefined()
    expect(await check.finishFile()).toBeUndefined()
  })

  it('fails with what it leaves, its hooks included, and gives it back', async () => {
    const { pool, check } = checked()
    const test = check.begin({ name: 'leaks' })
    await test.run(() => pool.connect())
    await test.run(() => pool.connect())
    const error = await test.finish('passed')
    expect(error).toBeInstanceOf(LeakError)
    expect((error as LeakError).findings).toHaveLength(2)
    const client = await pool.connect()
    client.release()
  })

  it('is not blamed for a test that runs at the same time', async () => {
    const { pool, check } = checked()
    const [one, other] = [check.begin({ name: 'one' }), check.begin({ name: 'other' })]
    await one.run(() => pool.connect())
    expect(await other.run(() => pool.query('SELECT 1'))).toMatchObject({ rowCount: 1 })
    expect(await other.finish('passed')).toBeUndefined()
    expect(await one.finish('passed')).toBeInstanceOf(LeakError)
  })

  it('keeps its own failure, and what it had is free all the same', async () => {
    const { pool, lifeguard, check } = checked()
    const test = check.begin({ name: 'fails' })
    await test.run(() => pool.connect())
    expect(await test.finish('failed')).toBeUndefined()
    expect(lifeguard.snapshot().checkouts).toEqual([])
  })

  it('passes when it said that it leaks', async () => {
    const { pool, lifeguard, check } = checked()
    const test = check.begin({ name: 'on purpose' })
    await test.run(() => {
      allowLeaks(lifeguard, 'it is about a leak')
      return pool.connect()
    })
    expect(await test.finish('passed')).toBeUndefined()
    expect(lifeguard.snapshot().checkouts).toEqual([])
  })

  it('fails if the runner called no part of it in its scope: nothing was seen', async () => {
    const { check } = checked()
    expect(await check.begin({ name: 'unseen' }).finish('passed')).toMatchObject({
      message: expect.stringMatching(/^the test ran outside the leak check.*this version of a runner$/),
    })
  })
})

describe('a file under the leak check', () => {
  it('fails with what no test, but a hook of the file left', async () => {
    const { pool, check } = checked()
    await pool.connect()
    expect(await check.finishFile()).toBeInstanceOf(LeakError)
  })

  it('fails for a pool that is open, if it is to', async () => {
    const { pool, check } = checked({ unendedPools: 'fail' })
    await pool.query('SELECT 1')
    expect(await check.finishFile()).toBeInstanceOf(LeakCheckError)
  })
})

it('hands on the findings, and leaves out what is ignored', async () => {
  const reported: (readonly Finding[])[] = []
  const { pool, lifeguard, check } = checked({
    onLeak: (leaks) => reported.push(leaks),
    ignore: [{ scope: 'listener' }],
  })
  const test = check.begin({ name: 'leaks' })
  const kept = await test.run(() =>
    lifeguard.runInScope({ kind: 'job', name: 'listener' }, () => pool.connect()),
  )
  await test.run(() => pool.connect())
  await test.finish('passed')
  expect(reported).toMatchObject([[{ kind: 'outlived-scope', scope: { name: 'leaks' } }]])
  kept.release()
})
