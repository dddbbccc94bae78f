import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { Inspector } from '../../src/guard/inspection.ts'
import { internalsOf } from '../../src/guard/internals.ts'
import { unendedError, watchForHang } from '../../src/testing/unended-pools.ts'
import { useDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { guardedPool, hereLine } from '../support/guarded-pool.ts'

const db = useDatabase()

function inspected() {
  const guarded = guardedPool({ ...db.config, max: 2 })
  const inspector = internalsOf(guarded.lifeguard)?.inspector
  if (inspector === undefined) throw new Error('a lifeguard has an inspector')
  return { ...guarded, inspector }
}

const openOf = (inspector: Inspector) => unendedError(inspector)?.message

describe('a pool that nobody has ended', () => {
  it('is named with the line that put it under watch, and the number of its connections', async () => {
    const line = hereLine(1)
    const { pool, inspector } = inspected()
    expect(openOf(inspector)).toBeUndefined()
    await pool.query('SELECT 1')
    expect(openOf(inspector)).toMatch(
      /^pool main, watched at .*, was never ended and has 1 connection open: call pool\.end\(\)/,
    )
    expect(openOf(inspector)).toMatch(new RegExp(`unended-pools\\.test\\.ts:${line}:|guarded-pool\\.ts:`))
    await Promise.all([pool.query('SELECT pg_sleep(0.05)'), pool.query('SELECT pg_sleep(0.05)')])
    expect(openOf(inspector)).toContain('has 2 connections open')
    await pool.end()
    await eventually(() => expect(openOf(inspector)).toBeUndefined())
  })

  it('says that it is ending where a client that was not released keeps it', async () => {
    const { pool, inspector } = inspected()
    const client = await pool.connect()
    const ended = pool.end()
    expect(openOf(inspector)).toMatch(/^pool main.*still has 1 connection open after pool\.end\(\)/)
    client.release()
    await ended
  })
})

it('what keeps a process from ending is told a second after the tests, fake timers or not', async () => {
  const { pool, inspector } = inspected()
  await pool.query('SELECT 1')
  const written: string[] = []
  const write = vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    written.push(String(text))
    return true
  })
  onTestFinished(() => write.mockRestore())
  vi.useFakeTimers()
  watchForHang(inspector)
  vi.useRealTimers()
  await eventually(() =>
    expect(written.join('')).toMatch(
      /^pg-lifeguard: the tests are over and the process does not exit\.\npool main, /m,
    ),
  )
})
