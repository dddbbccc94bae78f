import { describe, expect, it } from 'vitest'
import { commandSessions } from '../../../../src/cli/migrate/sessions/command-sessions.ts'
import { socketName } from '../../../../src/cli/migrate/sessions/process-tree.ts'
import { connectControl, serverSnapshot } from '../../../../src/postgres/index.ts'
import { openSession } from '../../../postgres/sessions.ts'
import { useDatabase } from '../../../support/database.ts'

const db = useDatabase()

const application = 'pg-lifeguard migrate 0123abcd'

interface Found {
  readonly own: readonly number[]
  readonly suspects: readonly number[]
}

async function find(
  startedAt: string,
  {
    ends = [],
    hasPooler = true,
    clients,
  }: { ends?: readonly string[]; hasPooler?: boolean; clients?: Map<number, string> },
): Promise<Found> {
  await using control = await connectControl({ url: db.url, env: {} })
  const sessions = commandSessions({
    application,
    startedAt,
    connections: async () => new Map(ends.map((end) => [end, '127.0.0.1 5432'])),
    isRunning: () => true,
    isClientGone: async () => false,
    hasPooler,
    ...(clients === undefined ? {} : { poolerClients: async () => clients }),
  })
  const { own, suspects } = await sessions.find(await serverSnapshot(control))
  return { own: own.map(({ pid }) => pid), suspects: suspects.map(({ pid }) => pid) }
}

async function serverTime(): Promise<string> {
  await using control = await connectControl({ url: db.url, env: {} })
  return (await serverSnapshot(control)).takenAt
}

describe('the sessions of a command', () => {
  it('are those with the name of this run, if no pooler is in between', async () => {
    const startedAt = await serverTime()
    const named = await openSession(db, application)
    await openSession(db, 'pg-lifeguard migrate ffffffff')
    expect(await find(startedAt, { hasPooler: false })).toEqual({ own: [named.pid], suspects: [] })
  })

  it('are suspects by their name alone, if a pooler may have lent them on', async () => {
    const startedAt = await serverTime()
    const named = await openSession(db, application)
    expect(await find(startedAt, { hasPooler: true })).toEqual({ own: [], suspects: [named.pid] })
  })

  it('are suspects if the command has ended before its connections were seen, and that is the doubt', async () => {
    const startedAt = await serverTime()
    const named = await openSession(db, application)
    await using control = await connectControl({ url: db.url, env: {} })
    const host = {
      ...{ application, startedAt, hasPooler: false },
      connections: async () => new Map(),
      isClientGone: async () => false,
    }
    const ended = commandSessions({ ...host, isRunning: () => false })
    const found = await ended.find(await serverSnapshot(control))
    expect(found).toMatchObject({ own: [], suspects: [{ pid: named.pid }], doubt: 'ended-early' })
    const pooled = commandSessions({ ...host, hasPooler: true, isRunning: () => false })
    expect(await pooled.find(await serverSnapshot(control))).toMatchObject({ doubt: 'pooler' })
  })

  it('are suspects while the command is connected to another address, which may be a pooler', async () => {
    const startedAt = await serverTime()
    const named = await openSession(db, application)
    await using control = await connectControl({ url: db.url, env: {} })
    const sessions = commandSessions({
      ...{ application, startedAt, hasPooler: false },
      connections: async () => new Map([['10.0.0.1 40000', '10.0.0.2 443']]),
      isRunning: () => true,
      isClientGone: async () => false,
    })
    const found = await sessions.find(await serverSnapshot(control))
    expect(found).toMatchObject({ own: [], suspects: [{ pid: named.pid }], doubt: 'elsewhere' })
  })

  it('are those that a command left behind before it was seen, if their client is gone', async () => {
    const startedAt = await serverTime()
    const named = await openSession(db, application)
    const other = await openSession(db, 'other')
    await using control = await connectControl({ url: db.url, env: {} })
    const asked: number[] = []
    const find = async (hasPooler: boolean) => {
      const sessions = commandSessions({
        ...{ application, startedAt, hasPooler },
        connections: async () => new Map(),
        isRunning: () => false,
        async isClientGone({ pid }) {
          asked.push(pid)
          return true
        },
      })
      return await sessions.find(await serverSnapshot(control))
    }
    expect(await find(false)).toMatchObject({ own: [{ pid: named.pid }], suspects: [] })
    expect(asked).not.toContain(other.pid)
    expect(await find(true)).toMatchObject({ own: [], suspects: [{ pid: named.pid }] })
  })

  it('are not those that were there before it, whatever their name and port', async () => {
    const stale = await openSession(db, application)
    const { rows } = await stale.run('SELECT inet_client_port() AS port')
    const ends = [socketName('127.0.0.1', rows[0]?.port)]
    const startedAt = await serverTime()
    expect(await find(startedAt, { ends, hasPooler: false })).toEqual({ own: [], suspects: [stale.pid] })
  })

  it('are what the pooler says, however old', async () => {
    const [linked, lentOn] = [await openSession(db, application), await openSession(db, application)]
    const startedAt = await serverTime()
    const clients = new Map([
      [linked.pid, application],
      [lentOn.pid, 'web'],
    ])
    expect(await find(startedAt, { clients })).toEqual({ own: [linked.pid], suspects: [] })
  })

  it('are those at the other end of its sockets, whatever their name', async () => {
    const startedAt = await serverTime()
    const own = await openSession(db, 'a name of its own')
    const { rows } = await own.run('SELECT inet_client_port() AS port')
    const ends = [socketName('127.0.0.1', rows[0]?.port)]
    expect(await find(startedAt, { ends })).toEqual({ own: [own.pid], suspects: [] })
    expect(await find(startedAt, { ends: [socketName('10.0.0.1', rows[0]?.port)] })).toMatchObject({
      own: [],
    })
  })
})
