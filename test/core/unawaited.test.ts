import { beforeAll, describe, expect, it, vi } from 'vitest'
import { type Exit, processTestMillis, useCompiledFixtures } from '../compatibility/child-process.ts'
import { useDatabase } from '../support/database.ts'

vi.setConfig({ testTimeout: processTestMillis, hookTimeout: processTestMillis })

const db = useDatabase()
const run = useCompiledFixtures()
const refused = [
  'a statement after release',
  'a function that sends one after release',
  'an error that a library wraps',
  'statements that were queued at the release',
]

describe('what a remedy refuses and nobody awaits', () => {
  let exits: Exit[] = []

  beforeAll(async () => {
    exits = await Promise.all(
      ['bare', 'observe', 'enforce'].map((mode) =>
        run('awaits-nothing', { args: [mode, db.url, ...refused] }),
      ),
    )
  })

  it.each(refused)('ends no process that would live without a guard: %s', (way) => {
    expect(exits).toMatchObject([{ code: 0 }, { code: 0 }, { code: 0 }])
    const warned = exits.map(({ stdout }) => (JSON.parse(stdout) as Record<string, { warned: boolean }>)[way])
    expect(warned).toEqual([{ warned: false }, { warned: false }, { warned: true }])
  })

  it('is an error like any other where the application rejects by itself', async () => {
    for (const mode of ['bare', 'enforce']) {
      const exit = await run('awaits-nothing', { args: [mode, db.url, 'an error of the application'] })
      expect(exit).toMatchObject({ code: 1, stderr: expect.stringContaining('a mistake of its own') })
    }
  })

  it('leaves the process as it was, once nobody has its errors any more', async () => {
    const { stdout } = await run('forgets-refusals', { args: ['enforce', db.url] })
    expect(JSON.parse(stdout)).toEqual({ refused: true, restored: true, again: true })
  })

  it('leaves in place what somebody else has put over it', async () => {
    const way = 'and somebody else replaces emit'
    const { stdout } = await run('forgets-refusals', { args: ['enforce', db.url, way] })
    expect(JSON.parse(stdout)).toEqual({ refused: true, restored: false, again: true })
  })
})
