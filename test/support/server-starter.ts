import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import {
  access,
  chmod,
  chown,
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import pg from 'pg'
import ts from 'typescript'
import { expect } from 'vitest'
import type { EmbeddedServer } from './embedded-server.ts'
import { eventually } from './eventually.ts'

/** For the end of a server, on a machine that may be busy. */
export const patience = { withinMillis: 30_000 }

export interface Account {
  uid: number
  gid: number
}

export type StartedServer = Pick<EmbeddedServer, 'url' | 'pid' | 'log' | 'data'>

export interface ServerStarter {
  readonly process: ChildProcess
  /** Where its server's folder should be. */
  readonly temporary: string
  /** Rejects with what the starter complained about when it ends before its server is there. */
  readonly server: Promise<StartedServer>
  /** Command lines of the processes and names of the folders that exist because of it. */
  traces(): Promise<string[]>
  /** Ends what is still running. */
  remove(): Promise<void>
}

const script = `
import { startServer } from './embedded-server.mjs'
const [binaries, ending] = process.argv.slice(2)
const { url, pid, log, data } = await startServer({ binaries })
console.log(JSON.stringify({ url, pid, log, data }))
if (ending === 'waits') process.stdin.resume()
if (ending === 'throws') setImmediate(() => { throw new Error('on purpose') })
`

/**
 * Launches a process that starts a server and then, as told, waits, throws or just comes to its end. Its scripts are in
 * a folder that every user can enter, as plain JavaScript: the checkout may be closed to the account it runs as.
 */
export async function launchStarter(options: {
  binaries: string
  ending: 'waits' | 'throws' | 'returns'
  account?: Account | undefined
  temporary?: string
}): Promise<ServerStarter> {
  const place = await makeOpenFolder()
  const source = await readFile(new URL('embedded-server.ts', import.meta.url), 'utf8')
  const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 }
  await writeFile(
    join(place, 'embedded-server.mjs'),
    ts.transpileModule(source, { compilerOptions }).outputText,
  )
  await writeFile(join(place, 'starter.mjs'), script)
  for (const name of ['server-keeper.mjs', 'server-data.mjs', 'postgres-binaries.mjs']) {
    await copyFile(new URL(name, import.meta.url), join(place, name))
  }
  const temporary = options.temporary ?? join(place, 'tmp')
  await mkdir(temporary, { recursive: true })
  if (options.account) await chown(temporary, options.account.uid, options.account.gid)

  const child = spawn(process.execPath, [join(place, 'starter.mjs'), options.binaries, options.ending], {
    ...options.account,
    // A group of its own, so that a test can do to it what a Ctrl-C does.
    detached: true,
    cwd: '/',
    env: { ...process.env, TMPDIR: temporary, NODE_OPTIONS: '' },
    // What it waits for is the end of its input, which comes at the latest with the end of the test run.
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const server = new Promise<StartedServer>((resolve, reject) => {
    let printed = ''
    let complaints = ''
    child.stderr.on('data', (text) => {
      complaints += text
    })
    child.stdout.on('data', (text) => {
      printed += text
      if (printed.endsWith('\n')) resolve(JSON.parse(printed))
    })
    child.once('error', reject)
    child.once('close', () => reject(new Error(`the starter ended without a server: ${complaints}`)))
  })
  child.stdin.on('error', () => {})
  // A test that never asks for the server must not fail by an unhandled rejection.
  server.catch(() => {})

  const traces = async () => [
    ...(await commandLines()).filter((line) => line.includes(place)),
    ...(await readdir(temporary)),
  ]
  return {
    process: child,
    temporary,
    server,
    traces,
    async remove() {
      child.kill('SIGKILL')
      await eventually(async () => {
        if ((await traces()).length > 0) throw new Error(`still there: ${await traces()}`)
      }, patience)
      await rm(place, { recursive: true, force: true })
    },
  }
}

/** In the temporary folder, unless that is closed to others, as the one of root may be. */
export async function makeOpenFolder(): Promise<string> {
  const base = (await isOpen(tmpdir())) ? tmpdir() : '/tmp'
  const folder = await mkdtemp(join(base, 'lifeguard-open-'))
  await chmod(folder, 0o755)
  return folder
}

async function isOpen(folder: string): Promise<boolean> {
  const { mode } = await stat(folder)
  const parent = dirname(folder)
  return (mode & 0o001) !== 0 && (parent === folder || (await isOpen(parent)))
}

async function commandLines(): Promise<string[]> {
  if (process.platform !== 'linux')
    return execFileSync('ps', ['-A', '-o', 'args='], { encoding: 'utf8' }).split('\n')
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  // One that has ended in between has none.
  return Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')))
}

/** The first row of the answer. */
export async function ask(url: string, sql: string): Promise<unknown> {
  const client = new pg.Client(url)
  await client.connect()
  try {
    return (await client.query(sql)).rows[0]
  } finally {
    await client.end()
  }
}

/** Neither the process nor a folder of a server is there. */
export async function expectGone({ pid, log, data }: Omit<StartedServer, 'url'>): Promise<void> {
  expect(() => process.kill(pid, 0)).toThrow('ESRCH')
  for (const folder of [dirname(log), data]) await expect(access(folder)).rejects.toThrow('ENOENT')
}
