import { describe, expect, it, vi } from 'vitest'
import type { LifeguardOptions } from '../../src/index.ts'
import { useDatabase } from '../support/database.ts'
import { processTestMillis, useCompiledFixtures } from './child-process.ts'

/** What becomes of a whole process, in these modes and without a guard. */
export function describeProcesses(modes: readonly NonNullable<LifeguardOptions['mode']>[]): void {
  vi.setConfig({ testTimeout: processTestMillis, hookTimeout: processTestMillis })
  const db = useDatabase()
  const run = useCompiledFixtures()

  describe('the end of a process', () => {
    /** A timer that holds the process would do so for much longer; a socket, for good. */
    const noticeableMillis = 500

    /** The least of a few runs: a busy machine delays one of them, a timer each. */
    async function livesOn(mode: string, ending: string): Promise<number> {
      let least = Number.POSITIVE_INFINITY
      for (let runs = 0; runs < 3 && least >= noticeableMillis; runs += 1) {
        const exit = await run('exits', { args: [mode, ending, db.url] })
        expect(exit).toMatchObject({ code: 0, signal: null, stderr: '' })
        least = Math.min(least, (JSON.parse(exit.stdout) as { livedOn: number }).livedOn)
      }
      return least
    }

    it.each(['never-used', 'idle', 'after-a-finding', 'pool-end', 'closed'])(
      'comes by itself, as soon as without a guard, and without a word: %s',
      async (ending) => {
        const millis = await Promise.all(['bare', ...modes].map((mode) => livesOn(mode, ending)))
        expect(Math.max(...millis)).toBeLessThan(noticeableMillis)
      },
    )

    it('comes by itself once its only checkout was destroyed by a remedy', async () => {
      expect(await livesOn('enforce', 'destroyed')).toBeLessThan(noticeableMillis)
    })
  })

  describe('a session that the server ends', () => {
    type Seen = Record<string, { uncaught: string[]; poolErrors: number; whole: boolean }>

    async function lose(mode: string): Promise<Seen> {
      const { code, stderr, stdout } = await run('loses-sessions', { args: [mode, db.url] })
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
      return JSON.parse(stdout) as Seen
    }

    it('crashes a bare process while it is checked out, and no guarded one', async () => {
      const [bare, ...guarded] = (await Promise.all(['bare', ...modes].map(lose))) as [Seen, ...Seen[]]
      const crashes = (seen: Seen) => Object.keys(seen).filter((moment) => seen[moment]?.uncaught.length)

      // A pool that nobody listens to throws, as every event emitter does: that is for the application to see.
      const unheard = 'idle in the pool, to whose errors nobody listens'
      expect(crashes(bare)).toEqual([unheard, 'checked out', 'in a transaction', 'during a statement'])
      for (const seen of guarded) {
        expect(crashes(seen)).toEqual([unheard])
        expect(seen[unheard]).toEqual(bare[unheard])
        for (const [moment, { whole, poolErrors }] of Object.entries(seen)) {
          expect({ moment, whole, poolErrors }).toEqual({
            moment,
            whole: true,
            poolErrors: bare[moment]?.poolErrors,
          })
        }
      }
    })
  })

  describe('the memory of a process', () => {
    interface Remembered {
      readonly alive: number
      readonly growthKilobytes: number
    }

    async function checkOutOften(mode: string, behaviour: string): Promise<Remembered> {
      const { code, stderr, stdout } = await run('checks-out-often', {
        args: [mode, behaviour, db.url],
        nodeArgs: ['--expose-gc'],
      })
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
      return JSON.parse(stdout) as Remembered
    }

    /** How much the heap differs from run to run; three words for each checkout would be as much, a finding far more. */
    const noiseKilobytes = 500

    it.each(['correct', 'wrong'])('is not taken by checkouts that are over: %s code', async (behaviour) => {
      const [bare, ...guarded] = await Promise.all(
        ['bare', ...modes].map((mode) => checkOutOften(mode, behaviour)),
      )
      for (const remembered of guarded) {
        // The requests that the callers' closures hold on to, the last ones of idle clients included.
        expect(remembered.alive).toBeLessThanOrEqual(bare?.alive ?? 0)
        expect(remembered.growthKilobytes).toBeLessThan(noiseKilobytes)
      }
    })
  })
}
