import { describe, expect, it, onTestFinished } from 'vitest'
import { endSession, lookAgain } from '../../../src/cli/terminate/ending.ts'
import { plan } from '../../../src/cli/terminate/plan.ts'
import { connectControl } from '../../../src/postgres/index.ts'
import { buildHiddenRoot, buildIncident, type NamedSession, openSession } from '../../postgres/sessions.ts'
import { useDatabase } from '../../support/database.ts'
import { eventually } from '../../support/eventually.ts'

const db = useDatabase()
const cancelFirst = { cancelFirst: true, waitMillis: 20_000 }

async function planned(pid: number) {
  const control = await connectControl({ url: db.url, env: {} })
  onTestFinished(() => control.close())
  const chosen = await plan(control, { pid }, undefined)
  const [target] = chosen.targets
  if (target === undefined) throw new Error(`${pid} is no target`)
  return { control, chosen, target }
}

/** Starts a statement that lasts, and returns the SQLSTATE that ends it when it does. */
async function sleeps({
  client,
  pid,
}: NamedSession): Promise<{ readonly code: Promise<string | undefined> }> {
  const code = client.query('SELECT pg_sleep(600)').then(
    () => undefined,
    (error: { code?: string }) => error.code,
  )
  await eventually(async () => {
    const asleep = (await db.sessions()).filter(({ wait_event }) => wait_event === 'PgSleep')
    expect(asleep.map((one) => one.pid)).toContain(pid)
  })
  return { code }
}

describe('a session whose statement is cancelled first', () => {
  it('lives on if nobody waits for it then', async () => {
    const busy = await openSession(db, 'busy')
    await busy.run('BEGIN; LOCK TABLE items')
    const { code } = await sleeps(busy)
    const waiting = await openSession(db, 'waiting')
    const { outcome } = await waiting.waitsFor('SELECT FROM items')
    const { control, target } = await planned(busy.pid)
    expect(await endSession(control, target, cancelFirst)).toEqual({
      ...{ pid: busy.pid, outcome: 'ended', cancelled: true },
    })
    expect([await code, await outcome]).toEqual(['57014', undefined])
    expect((await busy.run('ROLLBACK')).command).toBe('ROLLBACK')
  })

  it('is ended if it keeps its lock, and is not called cancelled', async () => {
    const stubborn = await openSession(db, 'stubborn')
    await stubborn.run('BEGIN; LOCK TABLE items; SAVEPOINT s')
    const { code } = await sleeps(stubborn)
    const waiting = await openSession(db, 'waiting')
    const { outcome } = await waiting.waitsFor('SELECT FROM items')
    const { control, target } = await planned(stubborn.pid)
    expect(await endSession(control, target, cancelFirst)).toEqual({ pid: stubborn.pid, outcome: 'ended' })
    expect([await code, await outcome]).toEqual(['57014', undefined])
    await expect(stubborn.run('SELECT 1')).rejects.toThrow()
  })

  it('is ended at once if it runs none', async () => {
    const idle = await openSession(db, 'idle')
    await idle.run('BEGIN')
    const { control, target } = await planned(idle.pid)
    expect(await endSession(control, target, cancelFirst)).toEqual({ pid: idle.pid, outcome: 'ended' })
  })

  it('is left alone if it does something else by now', async () => {
    const busy = await openSession(db, 'busy')
    const { code } = await sleeps(busy)
    const { control, target } = await planned(busy.pid)
    await db.query('SELECT pg_cancel_backend($1)', [busy.pid])
    await code
    await busy.run('BEGIN')
    expect(await endSession(control, target, cancelFirst)).toMatchObject({ outcome: 'changed' })
    expect((await busy.run('SELECT 1')).rowCount).toBe(1)
  })
})

describe('another look', () => {
  it('finds free all that waited behind it, directly or not, and nobody else', async () => {
    const { idle, alters, reader, waiting } = await buildIncident(db)
    const { control, chosen, target } = await planned(idle.pid)
    await endSession(control, target, { cancelFirst: false, waitMillis: 20_000 })
    await Promise.all(waiting.map(({ outcome }) => outcome))
    const { free, stillBlocked } = await lookAgain(control, chosen)
    expect(free.toSorted()).toEqual([...alters, reader].map(({ pid }) => pid).toSorted())
    expect(stillBlocked).toEqual([])
  })

  it('finds who is in the way now, where the server had named one of two', async () => {
    const { one, two, writer } = await buildHiddenRoot(db)
    const seen = await planned(writer.pid)
    const roots = seen.chosen.tree.nodes.find(({ id }) => id === `pid ${writer.pid}`)?.roots
    const [first, second] = roots?.[0] === `pid ${one.pid}` ? [one, two] : [two, one]
    const { control, chosen, target } = await planned(first.pid)
    await endSession(control, target, { cancelFirst: false, waitMillis: 20_000 })
    const { free, stillBlocked, tree } = await lookAgain(control, chosen)
    expect(free).toEqual([])
    expect(stillBlocked).toEqual([{ pid: writer.pid, roots: [`pid ${second.pid}`] }])
    expect(tree.roots).toContain(`pid ${second.pid}`)
  })
})
