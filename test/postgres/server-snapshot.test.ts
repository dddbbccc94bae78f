import { describe, expect, it, onTestFinished } from 'vitest'
import {
  blockingTree,
  connectControl,
  databasePart,
  type ServerSession,
  serverSnapshot,
} from '../../src/postgres/index.ts'
import { useDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { buildHeldUpStandby, clientOf, openSession } from './sessions.ts'

const db = useDatabase()

async function seen(pid: number): Promise<ServerSession> {
  const { sessions } = await serverSnapshot(clientOf(db))
  const found = sessions.find((session) => session.pid === pid)
  if (found === undefined) throw new Error(`${pid} is not there`)
  return found
}

describe('databases of several encodings', () => {
  it.each(['EUC_JP', 'WIN1252', 'LATIN1', 'SQL_ASCII'])(
    'are seen from one in %s, whatever the statements in the others',
    async (encoding) => {
      const name = `${db.name}_${encoding.toLowerCase()}`
      await db.query(`CREATE DATABASE ${name} TEMPLATE template0 ENCODING '${encoding}' LOCALE 'C'`)
      onTestFinished(async () => void (await db.query(`DROP DATABASE ${name} WITH (FORCE)`)))
      const japanese = await openSession(db, 'japanese')
      const statement =
        "BEGIN; SELECT '\u3053\u3093 \u20ac \u00e9', '' AS none, E'\\\\' AS backslash, 'd''or'"
      await japanese.run(statement)
      await using control = await connectControl({ url: db.url, database: name, env: {} })
      const { sessions } = await serverSnapshot(control)
      expect(sessions.find(({ pid }) => pid === japanese.pid)?.query).toBe(statement)
    },
  )
})

describe('a standby', () => {
  it('shows whose transaction keeps it from following its primary', async () => {
    const { url, idlePid } = await buildHeldUpStandby()
    await using control = await connectControl({ url, env: {} })
    const { roots, nodes } = blockingTree(await serverSnapshot(control))
    expect(roots).toEqual([`pid ${idlePid}`])
    expect(nodes[1]).toMatchObject({
      session: { backendType: 'startup' },
      wait: { mode: 'AccessExclusiveLock', target: 'public.followed' },
      blockedBy: [{ id: `pid ${idlePid}`, kind: 'hard' }],
    })
  })
})

describe('what a snapshot says of idle transactions', () => {
  it('has an age also for one that has failed, with and without a savepoint', async () => {
    const [plain, saved] = [await openSession(db, 'plain'), await openSession(db, 'saved')]
    await plain.run('BEGIN')
    await plain.run('SELECT 1/0').catch(() => {})
    await saved.run('BEGIN; LOCK TABLE items; SAVEPOINT s')
    await saved.run('SELECT 1/0').catch(() => {})
    // The error arrives before the server says that it is done with the statement.
    const states = await eventually(async () => {
      const both = await Promise.all([seen(plain.pid), seen(saved.pid)])
      expect(both.map(({ state }) => state)).toEqual(Array(2).fill('idle in transaction (aborted)'))
      return both
    })
    for (const { stateMillis } of states) expect(stateMillis).toBeGreaterThanOrEqual(0)
    // With a savepoint the locks are kept.
    const waiting = await openSession(db, 'waiting')
    await waiting.waitsFor('SELECT FROM items')
    const { blocks } = databasePart(await serverSnapshot(clientOf(db)), db.name)
    expect(blocks).toEqual([{ blocked: waiting.pid, blockerPid: saved.pid, kind: 'hard' }])
  })
})
