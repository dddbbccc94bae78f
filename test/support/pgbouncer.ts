import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually } from './eventually.ts'

export interface PgBouncer extends AsyncDisposable {
  readonly port: number
  /** The URL of a database, through the pooler. */
  url(databaseUrl: string): string
  /** Of the admin console. */
  readonly adminUrl: string
  stop(): Promise<void>
}

const found = spawnSync('pgbouncer', ['--version'], { encoding: 'utf8' })

/** Why tests of the pooler cannot run here; undefined if they can. */
export const noPgBouncer =
  found.status === 0 ? undefined : 'pgbouncer is not installed: apt-get install pgbouncer'

/** Starts PgBouncer before the server of this URL, on a port of its own. It is gone when the test ends it. */
export async function startPgBouncer(serverUrl: string, mode: 'session' | 'transaction'): Promise<PgBouncer> {
  const { hostname, port: serverPort, username, password } = new URL(serverUrl)
  const folder = mkdtempSync(join(tmpdir(), 'pg-lifeguard-pgbouncer-'))
  const port = await freePort()
  const users = join(folder, 'users')
  const file = join(folder, 'pgbouncer.ini')
  const [user, secret] = [decodeURIComponent(username), decodeURIComponent(password)]
  writeFileSync(users, `"${user}" "${secret}"\n`, { mode: 0o644 })
  writeFileSync(
    file,
    `[databases]
* = host=${hostname} port=${serverPort}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = plain
auth_file = ${users}
admin_users = ${user}
pool_mode = ${mode}
default_pool_size = 2
`,
    { mode: 0o644 },
  )
  // It refuses to run as root.
  const isRoot = process.getuid?.() === 0
  const child = spawn('pgbouncer', [...(isRoot ? ['-u', 'nobody'] : []), file], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let log = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (log += chunk))
  const exited = new Promise<void>((resolve) => void child.once('exit', () => resolve()))
  const stop = async () => {
    child.kill('SIGTERM')
    const hard = setTimeout(() => child.kill('SIGKILL'), 2_000)
    await exited
    clearTimeout(hard)
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    await eventually(() => {
      if (!log.includes('process up')) throw new Error(`pgbouncer does not run:\n${log}`)
    })
  } catch (error) {
    await stop()
    throw error
  }
  const through = (url: string, database?: string) => {
    const changed = new URL(url)
    changed.port = String(port)
    if (database !== undefined) changed.pathname = database
    return changed.href
  }
  return {
    port,
    url: (url) => through(url),
    adminUrl: through(serverUrl, 'pgbouncer'),
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

async function freePort(): Promise<number> {
  const listener = createServer().listen(0, '127.0.0.1')
  await new Promise<void>((resolve) => void listener.once('listening', resolve))
  const address = listener.address()
  await new Promise<void>((resolve) => void listener.close(() => resolve()))
  if (address === null || typeof address === 'string') throw new Error('no port was given')
  return address.port
}
