import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { createLifeguard } from '../../../src/index.ts'
import { releases } from '../../compatibility/twins/releases.ts'
import { sessions } from '../../compatibility/twins/sessions.ts'
import { streams } from '../../compatibility/twins/streams.ts'
import { transactions } from '../../compatibility/twins/transactions.ts'
import { pg, type Surroundings, type Twin } from '../../compatibility/twins/twin.ts'
import { waits } from '../../compatibility/twins/waits.ts'
import { abandonAfterTest, type Guard, guard, type Mode, modes } from '../../support/bare-twin.ts'
import { useDatabase } from '../../support/database.ts'
import { eventually } from '../../support/eventually.ts'

const db = useDatabase()
const warnings: Error[] = []
const onWarning = (warning: Error) => warnings.push(warning)

beforeEach(() => {
  warnings.length = 0
  process.on('warning', onWarning)
})
afterEach(() => {
  process.off('warning', onWarning)
})

/** The pool of a twin, under guard or bare, and a second one where it wants that. */
function surround({ max = 2, options = {} }: Twin, mode: 'bare' | Mode) {
  const pools: pg.Pool[] = []
  const open = (size: number): pg.Pool => {
    const pool = abandonAfterTest(new pg.Pool({ ...db.config, max: size }))
    pools.push(pool)
    return pool
  }
  const pool = open(max)
  const guarded: Guard | undefined = mode === 'bare' ? undefined : guard(pool, { ...options, mode })
  const lifeguard = guarded?.lifeguard ?? createLifeguard({ reporters: [] })
  onTestFinished(() => lifeguard.close())
  const surroundings: Surroundings = {
    pool,
    lifeguard,
    other() {
      const other = open(2)
      guarded?.lifeguard.watch(other, { name: 'other' })
      return other
    },
    async pass(millis) {
      for (let piece = 0; piece < 10; piece += 1) {
        guarded?.clock.advance(millis / 10)
        await new Promise((resolve) => setImmediate(resolve))
      }
    },
    request: (work) => lifeguard.runInScope({ kind: 'request', name: 'GET /twin' }, work),
    sql: (text) => db.query(text),
  }
  return { surroundings, guarded, pools }
}

/** Calls of `client.query` while a statement runs are deprecated by the driver, with and without a guard. */
function isOurs({ message }: Error): boolean {
  return !message.startsWith('Calling client.query() when the client is already executing')
}

async function expectSilence({ surroundings, guarded, pools }: ReturnType<typeof surround>): Promise<void> {
  // Whoever has waited for a client that was released just now gets it first.
  await new Promise((resolve) => setImmediate(resolve))
  for (let minute = 0; minute < 3; minute += 1) await surroundings.pass(60_000)
  expect(guarded?.findings ?? []).toEqual([])
  expect(warnings.filter(isOurs)).toEqual([])
  expect(guarded?.lifeguard.snapshot().checkouts ?? []).toEqual([])
  for (const pool of pools) {
    await eventually(() => expect(pool.idleCount).toBe(pool.totalCount))
    expect(pool.waitingCount).toBe(0)
  }
}

async function expectFound(twin: Twin, mode: Mode): Promise<void> {
  const { surroundings, guarded, pools } = surround(twin, mode)
  void twin.wrong(surroundings).catch(() => {})
  await eventually(async () => {
    await surroundings.pass(400)
    const found = guarded?.findings.find(({ kind }) => kind === twin.leak)
    expect(found, String(guarded?.kinds())).toMatchObject({ kind: twin.leak })
  })
  // Nobody who still waits gets a client.
  for (const pool of pools) if (!pool.ending) void pool.end()
}

describe.each([
  ['a client', releases],
  ['a transaction', transactions],
  ['a session', sessions],
  ['a stream', streams],
  ['a wait', waits],
])('%s', (_subject, twins) => {
  describe.each(twins)('in $name', (twin) => {
    it('that is correct is no finding, and does the same as bare, in either mode', async () => {
      const bare = surround(twin, 'bare')
      const result = await twin.right(bare.surroundings)
      for (const mode of modes) {
        const guarded = surround(twin, mode)
        expect(await twin.right(guarded.surroundings), mode).toEqual(result)
        await expectSilence(guarded)
      }
    })

    it('that leaks is found, in either mode', async () => {
      await Promise.all(modes.map((mode) => expectFound(twin, mode)))
    })
  })
})
