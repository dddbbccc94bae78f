import pg from 'pg'
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { createLifeguard, type Finding, type Reporter } from '../../src/index.ts'
import { abandonAfterTest, guard } from '../support/bare-twin.ts'
import { useDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'

const db = useDatabase()
const openPool = (max = 2) => abandonAfterTest(new pg.Pool({ ...db.config, max }))

describe('a reporter or listener that fails', () => {
  const failures: [string, () => unknown][] = [
    [
      'throws',
      () => {
        throw new Error('the reporter is broken')
      },
    ],
    ['rejects', () => Promise.reject(new Error('the reporter is broken'))],
    [
      'throws what is no error',
      () => {
        // biome-ignore lint/style/useThrowOnlyError: applications do
        throw undefined
      },
    ],
  ]

  it.each(failures)(
    'and %s stops neither the others, nor the sweep, nor the application',
    async (_, fail) => {
      // The warning is the only place where the failure is told; here it would only fill the log.
      const emitWarning = vi.spyOn(process, 'emitWarning').mockReturnValue()
      onTestFinished(() => emitWarning.mockRestore())

      const reported: string[] = []
      const broken = { finding: fail, remedied: fail, resolved: fail, info: fail } as Reporter
      const sound: Reporter = {
        finding: ({ kind }) => reported.push(`finding ${kind}`),
        resolved: ({ kind }) => reported.push(`resolved ${kind}`),
      }
      const pool = openPool()
      const { lifeguard, clock, kinds, resolved } = guard(pool, {
        mode: 'enforce',
        reporters: [broken, sound, broken],
      })
      const heard: string[] = []
      lifeguard.on('finding', fail as (finding: Finding) => void)
      lifeguard.on('finding', ({ kind }) => heard.push(kind))

      const idle = await pool.connect()
      await idle.query('BEGIN')
      const held = await pool.connect()
      clock.advance(10_010)
      await eventually(() => expect(kinds()).toEqual(['idle-transaction']))
      await idle.query('ROLLBACK')
      idle.release()
      clock.advance(20_000)
      expect(kinds()).toEqual(['idle-transaction', 'long-hold'])
      held.release()
      expect(() => held.release()).toThrow('already been released')

      expect(heard).toEqual(['idle-transaction', 'long-hold', 'double-release'])
      expect(resolved.map(({ kind }) => kind)).toEqual(['idle-transaction', 'long-hold'])
      expect(reported).toEqual([
        'finding idle-transaction',
        'resolved idle-transaction',
        'finding long-hold',
        'resolved long-hold',
        'finding double-release',
      ])
      expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
      expect(emitWarning).toHaveBeenCalledWith(
        expect.stringContaining('a reporter or listener failed'),
        expect.objectContaining({ code: 'LIFEGUARD_LISTENER' }),
      )
    },
  )

  it('may use the pool, and unwatch it, from inside', async () => {
    const pool = openPool(1)
    const { lifeguard, clock, unwatch, kinds } = guard(pool)
    const answers: unknown[] = []
    lifeguard.on('finding', () => {
      unwatch()
      pool.query('SELECT 1 AS one').then(({ rows }) => answers.push(...rows), answers.push)
    })
    const client = await pool.connect()
    clock.advance(30_010)
    expect(kinds()).toEqual(['long-hold'])
    client.release()
    await eventually(() => expect(answers).toEqual([{ one: 1 }]))
    clock.advance(600_000)
    expect(kinds()).toEqual(['long-hold'])
  })

  it('may take itself off while it is called, without skipping the next', async () => {
    const pool = openPool(1)
    const { lifeguard, clock } = guard(pool)
    const heard: string[] = []
    const off = lifeguard.on('finding', () => {
      heard.push('first')
      off()
    })
    lifeguard.on('finding', () => heard.push('second'))
    const client = await pool.connect()
    await client.query('BEGIN')
    clock.advance(30_010)
    expect(heard).toEqual(['first', 'second', 'second'])
    await client.query('ROLLBACK')
    client.release()
  })
})

describe('fake timers that are installed later', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  function guardOnSystemClock(pool: pg.Pool) {
    const lifeguard = createLifeguard({ reporters: [], limits: { idleTransactionMillis: 30 } })
    onTestFinished(() => lifeguard.close())
    const findings: Finding[] = []
    lifeguard.on('finding', (finding) => findings.push(finding))
    lifeguard.watch(pool)
    return findings
  }

  it('do not stop detection', async () => {
    const pool = openPool()
    const findings = guardOnSystemClock(pool)
    const client = await pool.connect()
    await client.query('BEGIN')
    await eventually(() => expect(findings.map(({ kind }) => kind)).toEqual(['idle-transaction']))
    expect(findings[0]?.checkout.idleMillis).toBeLessThan(5_000)
    await client.query('ROLLBACK')
    client.release()
  })

  it('make no finding when the test moves them by an hour', async () => {
    const pool = openPool()
    const findings = guardOnSystemClock(pool)
    const client = await pool.connect()
    await client.query('SELECT 1')
    vi.advanceTimersByTime(3_600_000)
    vi.setSystemTime(Date.now() + 86_400_000)
    await client.query('SELECT 2')
    client.release()
    await pool.query('SELECT 3')
    expect(findings).toEqual([])
  })
})

describe('a process that stood still', () => {
  it('gets no verdict for that time, however long it was', async () => {
    const pool = openPool()
    const { clock, kinds, lifeguard } = guard(pool, { mode: 'enforce' })
    const client = await pool.connect()
    await client.query('BEGIN')
    clock.advance(4_000)
    clock.stall(3_600_000)
    clock.advance(1_000)
    clock.stall(3_600_000)
    expect(lifeguard.snapshot().checkouts[0]?.idleMillis).toBeLessThan(6_000)
    clock.advance(4_000)
    expect(kinds()).toEqual([])
    await client.query('COMMIT')
    client.release()
    expect(kinds()).toEqual([])
  })

  it('is judged by what it has lived through after that', async () => {
    const pool = openPool()
    const { clock, findings } = guard(pool)
    const client = await pool.connect()
    await client.query('BEGIN')
    clock.stall(3_600_000)
    clock.advance(11_000)
    expect(findings).toMatchObject([{ kind: 'idle-transaction' }])
    expect(findings[0]?.checkout.idleMillis).toBeLessThan(11_000)
    await client.query('ROLLBACK')
    client.release()
  })

  it('gets no verdict for a caller that waited meanwhile', async () => {
    const pool = openPool(1)
    const { clock, kinds } = guard(pool)
    const client = await pool.connect()
    const waiting = pool.connect()
    clock.advance(2_000)
    clock.stall(3_600_000)
    clock.advance(2_000)
    expect(kinds()).toEqual([])
    client.release()
    ;(await waiting).release()
    expect(kinds()).toEqual([])
  })

  it('gets no verdict on the system clock when its event loop was blocked', async () => {
    const pool = openPool(1)
    const lifeguard = createLifeguard({ reporters: [], limits: { idleTransactionMillis: 300 } })
    onTestFinished(() => lifeguard.close())
    const kinds: string[] = []
    lifeguard.on('finding', ({ kind }) => kinds.push(kind))
    lifeguard.watch(pool)
    const client = await pool.connect()
    await client.query('BEGIN')
    const until = performance.now() + 800
    while (performance.now() < until);
    await client.query('SELECT 1')
    await client.query('COMMIT')
    client.release()
    expect(kinds).toEqual([])
  })
})
