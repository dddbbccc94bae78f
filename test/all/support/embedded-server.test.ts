import { execFileSync } from 'node:child_process'
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, expect, it, type TestContext } from 'vitest'
import { packagedBinaries } from '../../support/embedded-server.ts'
import { eventually } from '../../support/eventually.ts'
import {
  ask,
  expectGone,
  launchStarter,
  makeOpenFolder,
  patience,
  type ServerStarter,
} from '../../support/server-starter.ts'

const { stage }: { stage(native: string, target: string): Promise<void> } = await import(
  new URL('../../support/postgres-binaries.mjs', import.meta.url).href
)
const isRoot = process.getuid?.() === 0

// What the tests put down for other users has to be readable for them.
process.umask(0o022)

// Each starts a server of its own, for a second or more of one processor: together, and with time for a busy machine.
const manyServers = { concurrent: true, timeout: 60_000 }

describe('of a server nothing is left', manyServers, () => {
  it.for([
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
