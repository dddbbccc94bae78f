import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { childEnvironment } from '../../../src/cli/migrate/child-environment.ts'
import { ownSessions } from '../../../src/cli/migrate/own-sessions.ts'
import { connectionIn, parentIn, socketName, socketsOfTree } from '../../../src/cli/migrate/process-tree.ts'
import { connectControl, serverSnapshot } from '../../../src/postgres/index.ts'
import { openSession } from '../../postgres/sessions.ts'
import { useDatabase } from '../../support/database.ts'

const db = useDatabase()

const application = 'pg-lifeguard migrate 0123abcd'

async function find(sockets: ReadonlySet<string> | undefined, startedAt: string): Promise<number[]> {
  await using control = await connectControl({ url: db.url, env: {} })
  const own = ownSessions({ application, startedAt, sockets: async () => sockets })
  return (await own.find(await serverSnapshot(control))).map(({ pid }) => pid)
}

async function serverTime(): Promise<string> {
  await using control = await connectControl({ url: db.url, env: {} })
  return (await serverSnapshot(control)).takenAt
}

describe('the sessions of a command', () => {
  it('are those with the name of this run', async () => {
    const startedAt = await serverTime()
    const named = await openSession(db, application)
    await openSession(db, 'pg-lifeguard migrate ffffffff')
    expect(await find(undefined, startedAt)).toEqual([named.pid])
  })

  it('are not those that were there before it, whatever their name and port', async () => {
    const stale = await openSession(db, application)
    const { rows } = await stale.run('SELECT inet_client_port() AS port')
    const startedAt = await serverTime()
    expect(await find(new Set([socketName('127.0.0.1', rows[0]?.port)]), startedAt)).toEqual([])
  })

  it('are those at the other end of its sockets, whatever their name', async () => {
    const startedAt = await serverTime()
    const own = await openSession(db, 'a name of its own')
    const { rows } = await own.run('SELECT inet_client_port() AS port')
    expect(await find(new Set([socketName('127.0.0.1', rows[0]?.port)]), startedAt)).toEqual([own.pid])
    expect(await find(new Set([socketName('10.0.0.1', rows[0]?.port)]), startedAt)).toEqual([])
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
    const found = await socketsOfTree(shell.pid ?? 0)
    expect([...(found ?? [])]).toEqual([socketName('127.0.0.1', socket.remotePort)])
    expect(await socketsOfTree(2 ** 30)).toEqual(new Set())
  })

  it('are read as PostgreSQL prints them', () => {
    const line = (end: string) =>
      `  0: ${end} 0100007F:1538 01 00000000:00000000 00:00000000 00000000 0 0 4711 1`
    const name = (end: string) => connectionIn(line(end))
    expect(name('0100007F:B1C2')).toEqual([['4711', '127.0.0.1 45506']])
    expect(name('0000000000000000FFFF00000100007F:B1C2')).toEqual([['4711', '127.0.0.1 45506']])
    expect(name('00000000000000000000000001000000:B1C2')).toEqual([['4711', '::1 45506']])
    expect(name('B80D0120000000000000000001000000:0050')).toEqual([['4711', '2001:db8::1 80']])
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
