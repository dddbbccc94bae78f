import { DataSource } from 'typeorm'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createLifeguard, type Finding, manualClock } from '../../../../../src/index.ts'
import { useDatabase } from '../../../../support/database.ts'
import { hereLine } from '../../../../support/guarded-pool.ts'

const db = useDatabase()
const file = import.meta.filename

async function replicated(when: 'before' | 'after') {
  const { host, port, user, password, database } = db.config
  const server = { host, port, username: user, password, database }
  const source = new DataSource({
    type: 'postgres',
    replication: { master: server, slaves: [server, server] },
    poolSize: 2,
  })
  const clock = manualClock()
  const lifeguard = createLifeguard({ clock, reporters: [], limits: { holdMillis: 1_000 } })
  const findings: Finding[] = []
  lifeguard.on('finding', (finding) => findings.push(finding))
  if (when === 'after') await source.initialize()
  const unwatch = lifeguard.watch(source, { name: 'main' })
  if (when === 'before') await source.initialize()
  onTestFinished(async () => {
    await lifeguard.close()
    if (source.isInitialized) await source.destroy()
  })
  const pools = () => lifeguard.snapshot().pools.map(({ name, out }) => [name, out])
  return { source, clock, findings, pools, unwatch }
}

describe('a TypeORM data source with replication', () => {
  it.each(['before', 'after'] as const)(
    'has the pools of its master and its slaves watched, %s initialize()',
    async (when) => {
      const { source, pools } = await replicated(when)
      expect(pools()).toEqual([
        ['main', 0],
        ['main-read-1', 0],
        ['main-read-2', 0],
      ])
      const writer = source.createQueryRunner('master')
      const readers = [source.createQueryRunner('slave'), source.createQueryRunner('slave')]
      await writer.startTransaction()
      for (const reader of readers) await reader.query('SELECT 1')
      const [main, ...reads] = pools()
      expect(main).toEqual(['main', 1])
      expect(reads.reduce((sum, [, out]) => sum + Number(out), 0)).toBe(2)
      await writer.rollbackTransaction()
      await Promise.all([writer, ...readers].map((runner) => runner.release()))
      expect(pools().every(([, out]) => out === 0)).toBe(true)
    },
  )

  it('has a client of a slave reported in the pool of that slave, at its line', async () => {
    const { source, clock, findings } = await replicated('before')
    const reader = source.createQueryRunner('slave')
    const line = hereLine(1)
    await reader.connect()
    clock.advance(1_200)
    expect(findings).toMatchObject([
      { kind: 'long-hold', pool: expect.stringMatching(/^main-read-[12]$/), origin: { file, line } },
    ])
    await reader.release()
  })

  it('is watched on after it was destroyed and initialized again, and not after unwatch', async () => {
    const { source, pools, unwatch } = await replicated('before')
    await source.destroy()
    await source.initialize()
    await source.transaction((manager) => manager.query('SELECT 1'))
    expect(pools().map(([name]) => name)).toEqual(['main', 'main-read-1', 'main-read-2'])
    unwatch()
    expect(pools()).toEqual([])
    await source.query('SELECT 1')
  })
})
