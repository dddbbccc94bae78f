import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { childEnvironment } from '../../../src/cli/migrate/child-environment.ts'
import { ownSessions } from '../../../src/cli/migrate/own-sessions.ts'
import {
  connectionIn,
  connectionsOfTree,
  parentIn,
  socketName,
} from '../../../src/cli/migrate/process-tree.ts'
import { connectControl, serverSnapshot } from '../../../src/postgres/index.ts'
import { openSession } from '../../postgres/sessions.ts'
import { useDatabase } from '../../support/database.ts'

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
    isDirect = false,
    clients,
  }: { ends?: readonly string[]; isDirect?: boolean; clients?: Map<number, string> },
): Promise<Found> {
  await using control = await connectControl({ url: db.url, env: {} })
  const sessions = ownSessions({
    application,
    startedAt,
    connections: async () => new Map(ends.map((end) => [end, '127.0.0.1 5432'])),
    isDirect: async () => isDirect,
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
    expect(await find(startedAt, { isDirect: true })).toEqual({ own: [named.pid], suspects: [] })
  })

  it('are suspects by their name alone, if a pooler may have lent them on', async () => {
    const startedAt = await serverTime()
    const named = await openSession(db, application)
    expect(await find(startedAt, { isDirect: false })).toEqual({ own: [], suspects: [named.pid] })
  })

  it('are not those that were there before it, whatever their name and port', async () => {
    const stale = await openSession(db, application)
    const { rows } = await stale.run('SELECT inet_client_port() AS port')
    const ends = [socketName('127.0.0.1', rows[0]?.port)]
    const startedAt = await serverTime()
    expect(await find(startedAt, { ends, isDirect: true })).toEqual({ own: [], suspects: [stale.pid] })
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

describe.runIf(process.platform === 'linux')('the sockets of a process tree', () => {
  it('are those of a process that a shell has started, and no others', async () => {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => void server.close())
    const address = server.address()
    const port = typeof address === 'object' ? address?.port : undefined
    const script = `require('net').connect(${port}, '127.0.0.1')`
    const accepted = once(server, 'connection')
    const shell = spawn('sh', ['-c', `"${process.execPath}" -e "${script}"; true`])
    onTestFinished(() => void shell.kill())
    const [socket] = await accepted
    onTestFinished(() => socket.destroy())
    const found = await connectionsOfTree(shell.pid ?? 0)
    const [here, there] = [socketName('127.0.0.1', socket.remotePort), socketName('127.0.0.1', port ?? 0)]
    expect([...(found ?? [])]).toEqual([[here, there]])
    expect(await connectionsOfTree(2 ** 30)).toEqual(new Map())
  })

  it('are read as PostgreSQL prints them', () => {
    const line = (end: string) =>
      `  0: ${end} 0100007F:1538 01 00000000:00000000 00:00000000 00000000 0 0 4711 1`
    const read = (end: string) => connectionIn(line(end))[0]
    expect(read('0100007F:B1C2')).toEqual({
      inode: '4711',
      local: '127.0.0.1 45506',
      remote: '127.0.0.1 5432',
    })
    expect(read('0000000000000000FFFF00000100007F:B1C2')?.local).toBe('127.0.0.1 45506')
    expect(read('00000000000000000000000001000000:B1C2')?.local).toBe('::1 45506')
    expect(read('B80D0120000000000000000001000000:0050')?.local).toBe('2001:db8::1 80')
    expect(connectionIn('')).toEqual([])
  })

  it('come with names that try to confuse', () => {
    expect(parentIn('12 (a) S 99 (b)) S 34 12 12')).toBe(34)
    expect(parentIn('')).toBeUndefined()
  })
})

describe('the environment of a command', () => {
  const wishes = { token: '0123abcd', lockTimeoutMillis: 5_000, withOptions: true }

  it('keeps the application name within what PostgreSQL keeps of it, with the mark of the run', () => {
    const long = childEnvironment({ PGAPPNAME: 'ä'.repeat(60) }, wishes).application
    expect(Buffer.byteLength(long)).toBeLessThanOrEqual(63)
    expect(long).toMatch(/^ä+ pg-lifeguard migrate 0123abcd$/)
  })

  it('leaves options alone where none are wanted', () => {
    const given = { PGOPTIONS: '-c work_mem=1MB' }
    expect(childEnvironment(given, { ...wishes, withOptions: false }).env.PGOPTIONS).toBe('-c work_mem=1MB')
    expect(childEnvironment(given, { ...wishes, lockTimeoutMillis: 0 }).env.PGOPTIONS).toBe('-c work_mem=1MB')
  })
})
