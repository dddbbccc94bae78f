import { beforeAll, describe, expect, it, vi } from 'vitest'
import { useDatabase } from '../support/database.ts'
import { processTestMillis, useCompiledFixtures } from './child-process.ts'
import { expectRightRequests } from './requests-at-once.ts'

vi.setConfig({ testTimeout: processTestMillis, hookTimeout: processTestMillis })

const db = useDatabase()
const run = useCompiledFixtures()

describe('a scope that is over', () => {
  const ways = [
    'promise',
    'callback',
    'queued',
    'rejectable',
    'query',
    'transaction',
    'released in a transaction',
  ]
  let remembered: Record<string, unknown> = {}

  beforeAll(async () => {
    const options = { args: [db.url, ...ways], nodeArgs: ['--expose-gc'] }
    const { code, stderr, stdout } = await run('forgets-scopes', options)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    remembered = JSON.parse(stdout)
  })

  it.each(ways)(
    'is kept alive neither by the connection that it opened or used, nor by a timer: %s',
    (way) => {
      expect(remembered[way]).toEqual({ scopes: 0, stores: 0, idle: 1 })
    },
  )
})

describe('two hundred requests at once on a pool of five', () => {
  it.each(['observe', 'enforce'] as const)('each finding names the right one: %s', (mode) =>
    expectRightRequests(db, mode, { rounds: 3, leastLeaks: 8 }),
  )
})
