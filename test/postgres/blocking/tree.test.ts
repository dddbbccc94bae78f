import pg from 'pg'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  blockedBehind,
  blockingTree,
  databasePart,
  freedBy,
  serverSnapshot,
} from '../../../src/postgres/index.ts'
import { useDatabase } from '../../support/database.ts'
import { eventually } from '../../support/eventually.ts'
import { buildHiddenRoot, buildIncident, clientOf, openSession, startOwnServer } from '../sessions.ts'
import { told } from '../told.ts'

const db = useDatabase()

/** Other test files use the same server at the same time. */
const look = async () => told(databasePart(await serverSnapshot(clientOf(db)), db.name))

describe('the chain of the incident', () => {
  it('has one root, and each waits directly behind the one before', async () => {
    const { idle } = await buildIncident(db)
    const { tree, roots, behind } = await look()
    expect(roots).toEqual(['idle'])
    expect(behind).toEqual({
      idle: [],
      'alter 1': ['idle'],
      'alter 2': ['alter 1'],
      'alter 3': ['alter 2'],
      reader: ['alter 3'],
    })
    expect(freedBy(tree, `pid ${idle.pid}`)).toHaveLength(4)
    expect(blockedBehind(tree, `pid ${idle.pid}`)).toHaveLength(4)
    const reader = tree.nodes.find(({ session }) => session?.application === 'reader')
    expect(reader?.blockedBy.map(({ kind }) => kind)).toEqual(['soft', 'soft', 'soft'])
    expect(reader?.wait).toMatchObject({
      mode: 'AccessShareLock',
      target: 'public.accounts',
      lockType: 'relation',
    })
    const second = tree.nodes.find(({ session }) => session?.application === 'alter 2')
    expect(second?.blockedBy.map(({ kind }) => kind).toSorted()).toEqual(['hard', 'soft'])
    expect(tree.cycles).toEqual([])
    expect(Object.isFrozen(tree.nodes[0]?.blockedBy)).toBe(true)
  })
})

describe('roots', () => {
  it('shows a second root once the first is gone', async () => {
    const { one, two } = await buildHiddenRoot(db)
    const [first] = (await look()).roots
    expect(['one', 'two']).toContain(first)
    await (first === 'one' ? one : two).run('ROLLBACK')
    const second = first === 'one' ? 'two' : 'one'
    await eventually(async () => expect((await look()).roots).toEqual([second]))
  })

  it('goes by who blocks, not by who waits longest: a holder jumps the queue', async () => {
    const [reader, holder, alter] = [
      await openSession(db, 'reader'),
      await openSession(db, 'holder'),
      await openSession(db, 'alter'),
    ]
    await reader.run('BEGIN; SELECT FROM items')
    await holder.run('BEGIN; SELECT FROM items')
    await alter.waitsFor('ALTER TABLE items ADD COLUMN later int')
    await holder.waitsFor('LOCK TABLE items IN ACCESS EXCLUSIVE MODE')
    const { roots, behind } = await look()
    expect(roots).toEqual(['reader'])
    expect(behind).toEqual({ reader: [], holder: ['reader'], alter: ['holder'] })
  })

  it('follows the queue for a row: the first waits for the transaction, the next for the row', async () => {
    await db.query('INSERT INTO accounts VALUES (2, 0) ON CONFLICT DO NOTHING')
    const owner = await openSession(db, 'owner')
    await owner.run('BEGIN; UPDATE accounts SET balance = 1 WHERE id = 2')
    for (const name of ['first', 'second']) {
      const session = await openSession(db, name)
      await session.waitsFor('UPDATE accounts SET balance = 2 WHERE id = 2')
    }
    const { tree, roots, behind } = await look()
    expect(roots).toEqual(['owner'])
    expect(behind).toEqual({ owner: [], first: ['owner'], second: ['first'] })
    const wait = (name: string) => tree.nodes.find(({ session }) => session?.application === name)?.wait
    expect(wait('first')).toMatchObject({ lockType: 'transactionid', relation: 'public.accounts' })
    expect(wait('first')?.target).toMatch(/^row \(\d+,\d+\) of public\.accounts, held by transaction \d+$/)
    expect(wait('second')).toMatchObject({ lockType: 'tuple', relation: 'public.accounts' })
  })
})

describe('prepared transactions', () => {
  it('are nodes of their own, one per gid', async () => {
    const gids = ['it is "quoted"', 'other']
    for (const gid of gids) {
      const session = await openSession(db, 'preparing')
      await session.run(`BEGIN; LOCK TABLE items IN SHARE MODE; PREPARE TRANSACTION '${gid}'`)
    }
    onTestFinished(async () => {
      for (const gid of gids) await db.query(`ROLLBACK PREPARED '${gid}'`)
    })
    const writer = await openSession(db, 'writer')
    await writer.waitsFor('INSERT INTO items (note) VALUES (1)')
    const { roots, behind, tree } = await look()
    const ids = gids.map((gid) => `gid '${gid}'`)
    expect(roots.toSorted()).toEqual(ids)
    expect(behind.writer).toEqual(ids)
    expect(freedBy(tree, ids[0] ?? '')).toEqual([])
    expect(tree.nodes.find(({ id }) => id === ids[0])?.prepared).toMatchObject({
      gid: 'it is "quoted"',
      database: db.name,
      owner: 'postgres',
    })
  })

  it('are found after a restart of the server, too', async () => {
    await using server = await startOwnServer()
    const connect = async () => {
      const client = new pg.Client(server.url)
      client.on('error', () => {})
      await client.connect()
      return client
    }
    const preparing = await connect()
    await preparing.query('CREATE TABLE items (id int)')
    await preparing.query("BEGIN; LOCK TABLE items IN SHARE MODE; PREPARE TRANSACTION 'kept'")
    // A session that crashes makes the server end all others and recover. Until it has ended them, it takes new ones.
    const { rows } = await preparing.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
    const other = await connect()
    const otherEnded = new Promise((resolve) => other.once('end', resolve))
    process.kill(rows[0]?.pid ?? 0, 'SIGKILL')
    await Promise.all([preparing.end().catch(() => {}), otherEnded])
    const client = await eventually(connect)
    const writer = await connect()
    const waits = writer.query('INSERT INTO items VALUES (1)')
    await eventually(async () => {
      expect(blockingTree(await serverSnapshot(client)).roots).toEqual(["gid 'kept'"])
    })
    await client.query("ROLLBACK PREPARED 'kept'")
    await waits
    await Promise.all([client.end(), writer.end()])
  })
})

describe('other waits', () => {
  it('sees what a safe snapshot waits for', async () => {
    const [writer, report] = [await openSession(db, 'writer'), await openSession(db, 'report')]
    await writer.run('BEGIN ISOLATION LEVEL SERIALIZABLE; INSERT INTO items (note) VALUES (2)')
    await report.run('BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE')
    await report.waitsFor('SELECT count(*) FROM items')
    const { tree, roots, behind } = await look()
    expect(roots).toEqual(['writer'])
    expect(behind.report).toEqual(['writer'])
    expect(tree.nodes[1]?.wait).toMatchObject({ lockType: 'safe-snapshot', target: 'a safe snapshot' })
  })

  it('sees an index built concurrently wait for a snapshot in use elsewhere', async () => {
    const [report, migration] = [await openSession(db, 'report'), await openSession(db, 'migration')]
    await report.run('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM accounts')
    await migration.waitsFor('CREATE INDEX CONCURRENTLY items_note ON items (note)')
    const { tree, roots } = await look()
    expect(roots).toEqual(['report'])
    expect(tree.nodes[1]?.wait).toMatchObject({ lockType: 'virtualxid' })
  })

  it('folds parallel workers into their leader', async () => {
    await db.query(
      'CREATE TABLE large AS SELECT generate_series(1, 50000) AS n; ALTER TABLE large SET (parallel_workers = 2)',
    )
    const [holder, query] = [await openSession(db, 'holder'), await openSession(db, 'query')]
    await db.query(`CREATE FUNCTION takes_lock(n int) RETURNS int LANGUAGE plpgsql PARALLEL SAFE AS $$
      BEGIN PERFORM pg_advisory_xact_lock_shared(99); RETURN n; END $$`)
    await holder.run('SELECT pg_advisory_lock(99)')
    await query.run(
      `SET min_parallel_table_scan_size = 0; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0`,
    )
    await query.waitsFor('SELECT count(takes_lock(n)) FROM large')
    await eventually(async () => {
      const { rows } = await db.query(
        "SELECT FROM pg_stat_activity WHERE backend_type = 'parallel worker' AND wait_event_type = 'Lock' AND leader_pid = $1",
        [query.pid],
      )
      expect(rows.length).toBeGreaterThan(0)
    })
    const { roots, behind, tree } = await look()
    expect(roots).toEqual(['holder'])
    expect(behind).toEqual({ holder: [], query: ['holder'] })
    expect(tree.nodes).toHaveLength(2)
  })
})
