import { expect } from 'vitest'
import { type Check, capability } from '../contract.ts'

const ways = (['observe', 'enforce'] as const).flatMap((mode) =>
  (['raw', 'checked'] as const).map((handles) => ({ mode, handles })),
)

export const correctUse = {
  async 'correct use'({ open, db }) {
    for (const way of ways) {
      await db.query('TRUNCATE notes')
      const { library, clock, findings, close } = await open(way, { max: 2 })
      await library.transaction((transaction) => transaction.run("INSERT INTO notes VALUES ('kept')"))
      await expect(
        library.transaction(async (transaction) => {
          await transaction.run("INSERT INTO notes VALUES ('not kept')")
          throw new Error('changed its mind')
        }),
      ).rejects.toThrow('changed its mind')
      const own = await library.begin()
      await own.run('SELECT 1')
      await own.commit()
      const undone = await library.begin()
      await undone.run("INSERT INTO notes VALUES ('not kept')")
      await undone.rollback()
      await Promise.all(Array.from({ length: 10 }, () => library.run('SELECT 1')))
      await library.run('SELECT 1/0').catch(() => {})
      await Promise.all(
        Array.from({ length: 5 }, () => library.transaction((transaction) => transaction.run('SELECT 1'))),
      )
      const release = await library.hold?.()
      await release?.()
      clock.advance(60_000)
      expect((await db.query('SELECT body FROM notes')).rows).toEqual([{ body: 'kept' }])
      expect(findings).toEqual([])
      await close()
    }
  },

  async savepoints({ open, db }) {
    const { library, clock, findings } = await open({ mode: 'enforce' })
    await library.transaction(async (transaction) => {
      const savepoint = capability(transaction.savepoint?.bind(transaction), 'savepoint of its own')
      await transaction.run("INSERT INTO notes VALUES ('kept')")
      await savepoint((nested) => nested.run("INSERT INTO notes VALUES ('kept, too')"))
      await savepoint(async (nested) => {
        await nested.run("INSERT INTO notes VALUES ('not kept')")
        await nested.run('SELECT 1/0')
      }).catch(() => {})
      await transaction.run('SELECT 1')
    })
    clock.advance(60_000)
    const { rows } = await db.query<{ body: string }>('SELECT body FROM notes ORDER BY body')
    expect(rows.map(({ body }) => body)).toEqual(['kept', 'kept, too'])
    expect(findings).toEqual([])
  },

  async streams({ open, eventually }) {
    for (const way of ways) {
      const { library, lifeguard, clock, findings, close } = await open(way)
      const stream = capability(library.stream?.bind(library), 'streams')
      let count = 0
      for await (const _row of stream('SELECT n FROM generate_series(1, 1000) AS n')) count += 1
      expect(count).toBe(1000)
      for await (const _row of stream('SELECT n FROM generate_series(1, 100000) AS n')) break
      const failing = async () => {
        for await (const _row of stream('SELECT 1 / (500 - n) FROM generate_series(1, 1000) AS n'));
      }
      await expect(failing()).rejects.toThrow('division by zero')
      await library.run('SELECT 1')
      await eventually(() => expect(lifeguard.snapshot().checkouts).toEqual([]))
      clock.advance(60_000)
      expect(findings).toEqual([])
      await close()
    }
  },

  async unwatch({ open }) {
    const { library, lifeguard, unwatch } = await open()
    const before = await library.begin()
    unwatch()
    await before.commit()
    await library.transaction((transaction) => transaction.run('SELECT 1'))
    expect(lifeguard.snapshot().pools).toEqual([])
  },
} as const satisfies Readonly<Record<string, Check>>
