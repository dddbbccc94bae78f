import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { access, mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import pg from 'pg'
import { describe, expect, it, type TestContext } from 'vitest'
import { packagedBinaries, startServer } from './embedded-server.ts'
import { eventually } from './eventually.ts'
import { launchStarter, makeOpenFolder, patience, type ServerStarter } from './server-starter.ts'

const { stage }: { stage(native: string, target: string): Promise<void> } = await import(
  new URL('postgres-binaries.mjs', import.meta.url).href
)
const isRoot = process.getuid?.() === 0

// What the tests put down for other users has to be readable for them.
process.umask(0o022)

// Each starts a server of its own, for a second or more of one processor: together, and with time for a busy machine.
const manyServers = { concurrent: true, timeout: 60_000 }

describe('an embedded server', manyServers, () => {
  it('asks for its password, takes another port than a taken one, and is gone after stop', async () => {
    const listener = createServer().listen(0, '127.0.0.1')
    await once(listener, 'listening')
    const address = listener.address()
    const takenPort = typeof address === 'object' && address ? address.port : 0

    const server = await startServer({ port: takenPort, settings: { max_connections: '42' } })
    listener.close()
    expect(takenPort).toBeGreaterThan(0)
    expect(server.port).not.toBe(takenPort)
    expect(server.version).toMatch(/^18\./)
    expect(await ask(server.url, 'SHOW max_connections')).toEqual({ max_connections: '42' })
    expect(await ask(server.url, 'SHOW max_prepared_transactions')).toEqual({
      max_prepared_transactions: '20',
    })
    const wrongPassword = new URL(server.url)
    wrongPassword.password = 'wrong'
    await expect(ask(wrongPassword.href, 'SELECT 1')).rejects.toThrow('password authentication failed')

    await Promise.all([server.stop(), server.stop()])
    await server.stop()
    await expectGone(server)
  })

  it('ends its sessions at once when killed', async () => {
    const server = await startServer()
    const client = new pg.Client(server.url)
    client.on('error', () => {})
    await client.connect()
    const sleep = client.query('SELECT pg_sleep(600)').then(
      () => 'slept',
      () => 'ended',
    )
    await server.kill()
    expect(await sleep).toBe('ended')
    await expectGone(server)
  })

  it('says why it does not start', async () => {
    await expect(startServer({ settings: { shared_buffers: 'plenty' } })).rejects.toThrow(
      'invalid value for parameter "shared_buffers": "plenty"',
    )
    await expect(startServer({ binaries: '/nowhere' })).rejects.toThrow(/could not be started.*\/nowhere/)
  })
})

describe('of a server nothing is left', manyServers, () => {
  it.for([
    ['when its starter is killed', 'waits', (starter: ServerStarter) => starter.process.kill('SIGKILL')],
    ['when its starter is interrupted at the terminal', 'waits', interruptGroup],
    ['when its starter throws', 'throws', () => {}],
    ['when its starter ends without a thought', 'returns', () => {}],
  ] as const)('%s', async ([, ending, act], { onTestFinished }) => {
    const starter = await launchStarter({ binaries: packagedBinaries(), ending })
    onTestFinished(starter.remove)
    const server = await starter.server
    act(starter)
    await eventually(async () => expect(await starter.traces()).toEqual([]), patience)
    await expectGone(server)
  })

  it('when its starter is killed during the start', async ({ onTestFinished }) => {
    const starter = await launchStarter({ binaries: packagedBinaries(), ending: 'waits' })
    onTestFinished(starter.remove)
    await eventually(async () => expect((await starter.traces()).join()).toContain('initdb'), patience)
    starter.process.kill('SIGKILL')
    await eventually(async () => expect(await starter.traces()).toEqual([]), patience)
    await expect(starter.server).rejects.toThrow('the starter ended without a server')
  })
})

describe('in the checkout of root', manyServers, () => {
  it('a server runs where only root may enter the checkout and TMPDIR', async (context) => {
    if (!isRoot) return skipLoudly(context, 'only root can close a folder to the user of the server')
    const { onTestFinished } = context
    const closed = await mkdtemp(join(tmpdir(), 'lifeguard-closed-'))
    onTestFinished(() => rm(closed, { recursive: true }))
    expect((await stat(closed)).mode & 0o777).toBe(0o700)
    const binaries = join(closed, 'native')
    await stage(packagedBinaries(), binaries)

    const starter = await launchStarter({ binaries, ending: 'waits', temporary: join(closed, 'tmp') })
    onTestFinished(starter.remove)
    const server = await starter.server
    expect(await ask(server.url, 'SELECT 1 AS one')).toEqual({ one: 1 })
    expect(server.log.startsWith(closed)).toBe(false)

    starter.process.kill('SIGTERM')
    await eventually(() => expectGone(server), patience)
    // Its keeper clears up behind it.
    await eventually(async () => expect(await starter.traces()).toEqual([]), patience)
  })
})

describe('as a plain user', manyServers, () => {
  it('a server runs in place, or from a copy where the shared libraries are not linked', async (context) => {
    const account = isRoot ? { uid: idOfNobody('-u'), gid: idOfNobody('-g') } : undefined
    if (account && !canRun(account)) return skipLoudly(context, 'nobody cannot execute this node')
    const { onTestFinished } = context
    const open = await makeOpenFolder()
    onTestFinished(() => rm(open, { recursive: true }))
    const binaries = join(open, 'native')
    await stage(packagedBinaries(), binaries)

    expect(await foldersOfServer()).not.toContain('native')
    for (const { parentPath, name } of await linksIn(join(binaries, 'lib'))) await rm(join(parentPath, name))
    expect(await foldersOfServer()).toContain('native')

    async function foldersOfServer() {
      const starter = await launchStarter({ binaries, ending: 'waits', account })
      onTestFinished(starter.remove)
      const server = await starter.server
      expect(await ask(server.url, 'SELECT 1 AS one')).toEqual({ one: 1 })
      const names = await readdir(dirname(server.log))
      starter.process.kill('SIGTERM')
      await eventually(async () => expect(await starter.traces()).toEqual([]), patience)
      return names
    }
  })
})

async function linksIn(folder: string) {
  const links = (await readdir(folder, { withFileTypes: true })).filter((entry) => entry.isSymbolicLink())
  expect(links).not.toEqual([])
  return links
}

async function ask(url: string, sql: string): Promise<unknown> {
  const client = new pg.Client(url)
  await client.connect()
  try {
    return (await client.query(sql)).rows[0]
  } finally {
    await client.end()
  }
}

async function expectGone({ pid, log }: { pid: number; log: string }): Promise<void> {
  expect(() => process.kill(pid, 0)).toThrow('ESRCH')
  await expect(access(dirname(log))).rejects.toThrow('ENOENT')
}

function interruptGroup({ process: { pid } }: ServerStarter): void {
  if (pid) process.kill(-pid, 'SIGINT')
}

function idOfNobody(option: '-u' | '-g'): number {
  return Number(execFileSync('id', [option, 'nobody'], { encoding: 'utf8' }))
}

function canRun(account: { uid: number; gid: number }): boolean {
  try {
    execFileSync(process.execPath, ['--version'], { ...account, cwd: '/', stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

function skipLoudly(context: TestContext, reason: string): void {
  console.warn(`not tested: "${context.task.name}": ${reason}`)
  context.skip(reason)
}
