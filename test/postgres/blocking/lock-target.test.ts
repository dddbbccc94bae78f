import { describe, expect, it, onTestFinished } from 'vitest'
import { blockingTree, connectControl, databasePart, serverSnapshot } from '../../../src/postgres/index.ts'
import { createDatabase, useDatabase } from '../../support/database.ts'
import { eventually } from '../../support/eventually.ts'
import { clientOf, openSession } from '../sessions.ts'
import { told } from '../told.ts'

const db = useDatabase()

/** Other test files use the same server at the same time. */
const look = async () => told(databasePart(await serverSnapshot(clientOf(db)), db.name))

describe('what a session waits for', () => {
  it('tells advisory locks by their key, and an idle session that holds one', async () => {
    const holder = await openSession(db, 'holder')
    await holder.run('SELECT pg_advisory_lock(-9007199254740993), pg_advisory_lock(7, -3)')
    const [big, pair] = [await openSession(db, 'big'), await openSession(db, 'pair')]
    await big.waitsFor('SELECT pg_advisory_lock(-9007199254740993)')
    await pair.waitsFor('SELECT pg_advisory_lock(7, -3)')
    const { tree, roots } = await look()
    expect(roots).toEqual(['holder'])
    expect(tree.nodes[0]?.session?.state).toBe('idle')
    const targets = tree.nodes.flatMap(({ wait }) => (wait === undefined ? [] : [wait.target]))
    expect(targets.toSorted()).toEqual(['advisory lock -9007199254740993', 'advisory lock 7, -3'])
  })

  it('does not name a relation of another database, not even one with the same oid', async () => {
    const other = await createDatabase()
    onTestFinished(() => other.drop())
    const [holder, reader] = [await openSession(other, 'holder'), await openSession(other, 'reader')]
    await holder.run('BEGIN; LOCK TABLE items')
    await reader.waitsFor('SELECT FROM items')
    const here = told(databasePart(await serverSnapshot(clientOf(db)), other.name))
    expect(here.tree.nodes[1]?.wait?.target).toMatch(/^relation \d+ of database \d+$/)
    expect(here.tree.nodes[1]?.wait?.relation).toBeUndefined()
    const there = blockingTree(databasePart(await serverSnapshot(clientOf(other)), other.name))
    expect(there.nodes[1]?.wait?.target).toBe('public.items')
  })

  it('still sees who blocks whom when pg_class is locked, without the names', async () => {
    await using control = await connectControl({ url: db.url, env: {}, lockMillis: 200 })
    const [holder, waiting] = [await openSession(db, 'holder'), await openSession(db, 'waiting')]
    await serverSnapshot(control)
    await holder.run('BEGIN; LOCK TABLE items; LOCK TABLE pg_class')
    void waiting.client.query('LOCK TABLE pg_class').catch(() => {})
    void waiting.client.query('SELECT FROM items').catch(() => {})
    const snapshot = await eventually(async () => {
      const taken = databasePart(await serverSnapshot(control), db.name)
      expect(taken.blocks.length).toBeGreaterThan(0)
      return taken
    })
    expect(snapshot.waits[0]?.target).toMatch(/relation \d+|pg_class/)
    await expect(connectControl({ url: db.url, env: {}, connectMillis: 500 })).rejects.toMatchObject({
      reason: 'ETIMEDOUT',
    })
  })
})
