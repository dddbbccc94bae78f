import { expect, it } from 'vitest'
import { conflicts } from '../../../src/postgres/blocking/lock-modes.ts'
import { useDatabase } from '../../support/database.ts'
import { openSession } from '../sessions.ts'

const db = useDatabase()

const modes = [
  'ACCESS SHARE',
  'ROW SHARE',
  'ROW EXCLUSIVE',
  'SHARE UPDATE EXCLUSIVE',
  'SHARE',
  'SHARE ROW EXCLUSIVE',
  'EXCLUSIVE',
  'ACCESS EXCLUSIVE',
]
const lockName = (mode: string) =>
  `${mode.toLowerCase().replaceAll(/(?:^| )(\w)/g, (_, letter: string) => letter.toUpperCase())}Lock`

it('knows which locks exclude each other, as the server does', async () => {
  const [holder, asking] = [await openSession(db, 'holder'), await openSession(db, 'asking')]
  for (const held of modes) {
    await holder.run(`BEGIN; LOCK TABLE items IN ${held} MODE`)
    for (const wanted of modes) {
      const refused = await asking
        .run(`BEGIN; LOCK TABLE items IN ${wanted} MODE NOWAIT`)
        .then(() => false)
        .catch(() => true)
      await asking.run('ROLLBACK')
      expect([held, wanted, conflicts(lockName(held), lockName(wanted))]).toEqual([held, wanted, refused])
    }
    await holder.run('ROLLBACK')
  }
})

it('takes predicate locks for what they are: they exclude nobody', () => {
  expect(conflicts('SIReadLock', 'AccessExclusiveLock')).toBe(false)
  expect(conflicts('AccessExclusiveLock', 'SIReadLock')).toBe(false)
})
