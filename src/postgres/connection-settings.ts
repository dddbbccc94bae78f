import { existsSync, readFileSync } from 'node:fs'
import { homedir, userInfo } from 'node:os'
import { join } from 'node:path'
import { OptionError } from '../errors.ts'

/** Where to connect, and as whom: from a URL, the environment and a service file, in this order. */
export interface ConnectionSettings {
  /** A name, an address, or the folder of a Unix socket. */
  readonly host: string
  readonly port: number
  readonly database: string
  readonly user: string
  /** Absent: the driver looks into `.pgpass`. */
  readonly password?: string
  readonly options?: string
  readonly ssl: SslMode
  readonly sslRootCert?: string
  readonly sslCert?: string
  readonly sslKey?: string
}

export type SslMode = 'disable' | 'allow' | 'prefer' | 'require' | 'no-verify' | 'verify-ca' | 'verify-full'

export interface ConnectionOptions {
  /** `postgres://user:password@host:port/database?sslmode=require`. Default: `DATABASE_URL`, then `PGHOST` and so on. */
  readonly url?: string
  /** Instead of the one in the URL. */
  readonly database?: string
  /** Default: `process.env`. */
  readonly env?: NodeJS.ProcessEnv
}

type Parameters = Readonly<Record<string, string | undefined>>

const sslModes: readonly SslMode[] = [
  ...(['disable', 'allow', 'prefer', 'require', 'no-verify', 'verify-ca', 'verify-full'] as const),
]
const socketFolders = ['/var/run/postgresql', '/tmp']

/**
 * Reads the connection like PostgreSQL's own tools: what the URL leaves out comes from the service, from `PGHOST`,
 * `PGPORT`, `PGDATABASE`, `PGUSER`, `PGPASSWORD`, `PGSSLMODE`, `PGOPTIONS`, and then from libpq's defaults.
 *
 * @throws OptionError, without the URL in it, for it may hold a password
 */
export function connectionSettings(options: ConnectionOptions = {}): ConnectionSettings {
  const env = options.env ?? process.env
  const url = options.url ?? (env.DATABASE_URL === '' ? undefined : env.DATABASE_URL)
  const given = url === undefined ? {} : parametersOf(url, options.url === undefined ? 'DATABASE_URL' : 'url')
  const service = given.service ?? env.PGSERVICE
  const named = service === undefined || service === '' ? {} : readService(service, env)
  const pick = (name: string, variable: string) =>
    filled(given[name]) ?? filled(named[name]) ?? filled(env[variable])

  const address = pick('hostaddr', 'PGHOSTADDR') ?? pick('host', 'PGHOST')
  // libpq goes through a list until one takes the connection: that may be another server than the one that is meant.
  if (address?.includes(',')) throw new OptionError('host', 'must be one host, not a list', address)
  const port = readPort(pick('port', 'PGPORT') ?? '5432')
  const host = address ?? defaultHost(port)
  const user = pick('user', 'PGUSER') ?? systemUser(env)
  const rootCert = pick('sslrootcert', 'PGSSLROOTCERT')
  return {
    host,
    port,
    user,
    database: options.database ?? pick('dbname', 'PGDATABASE') ?? user,
    ...optional('password', pick('password', 'PGPASSWORD')),
    ...optional('options', pick('options', 'PGOPTIONS')),
    ssl: readSslMode(pick('sslmode', 'PGSSLMODE') ?? (rootCert === systemRoots ? 'verify-full' : undefined)),
    ...optional('sslRootCert', rootCert),
    ...optional('sslCert', pick('sslcert', 'PGSSLCERT')),
    ...optional('sslKey', pick('sslkey', 'PGSSLKEY')),
  }
}

/** As `sslrootcert`: the certificates that the system trusts, as far as Node knows them. */
export const systemRoots = 'system'

/** @throws OptionError if it cannot be read */
export function readOptionFile(option: string, path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : 'unknown reason'
    throw new OptionError(option, `must be a file that can be read (${reason})`, path)
  }
}

/** For people, without the password. */
export function describeTarget({ host, port, database, user }: ConnectionSettings): string {
  return `database ${database} at ${host}:${port} as ${user}`
}

function parametersOf(text: string, option: string): Parameters {
  // libpq allows a user without a host, `new URL` does not.
  const withHost = text.replace(/^(postgres(?:ql)?:\/\/[^/?#]*@)(?=[/?]|$)/, `$1${noHost}`)
  // A list with ports is no URL at all.
  if (/^\w+:\/\/(?:[^/?#]*@)?[^/?#@]*,[^/?#@]*(?:[/?#]|$)/.test(text))
    throw new OptionError(option, 'must name one host, not a list', secret)
  // The error of `new URL` shows what it was given, password included.
  if (!/^postgres(ql)?:\/\//.test(text) || !URL.canParse(withHost)) {
    throw new OptionError(option, 'must look like postgres://user@host:5432/database', secret)
  }
  const url = new URL(withHost)
  const { host, port, user, password, dbname, ...more } = Object.fromEntries(url.searchParams)
  const hostname = url.hostname === noHost ? '' : decode(url.hostname, option).replace(/^\[(.*)\]$/, '$1')
  return {
    ...more,
    host: host ?? hostname,
    port: port ?? url.port,
    user: user ?? decode(url.username, option),
    password: password ?? decode(url.password, option),
    dbname: dbname ?? decode(url.pathname.slice(1), option),
  }
}

const noHost = 'no-host.invalid'

/** Stands for a text that may hold a password, where an error says what it got. */
const secret = { constructor: { name: 'text that is not shown here' } }

function decode(text: string, option: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new OptionError(option, 'must have its special characters percent-encoded', secret)
  }
}

/** The section `[name]` of `~/.pg_service.conf` or `PGSERVICEFILE`. */
function readService(name: string, env: NodeJS.ProcessEnv): Parameters {
  const files = [
    env.PGSERVICEFILE ?? join(homedir(), '.pg_service.conf'),
    ...(env.PGSYSCONFDIR === undefined ? [] : [join(env.PGSYSCONFDIR, 'pg_service.conf')]),
  ]
  for (const file of files) {
    if (!existsSync(file)) continue
    const section = sectionOf(readOptionFile('service file', file), name)
    if (section !== undefined) return section
  }
  throw new OptionError('service', `must be a section of ${files.join(' or ')}`, name)
}

function sectionOf(text: string, name: string): Parameters | undefined {
  let found: Record<string, string> | undefined
  let isInside = false
  for (const line of text.split(/\r?\n/).map((one) => one.trim())) {
    if (line === '' || line.startsWith('#')) continue
    const heading = /^\[(.*)\]$/.exec(line)?.[1]
    if (heading !== undefined) {
      isInside = heading === name
      if (isInside) found ??= {}
    } else if (isInside && found !== undefined) {
      const at = line.indexOf('=')
      if (at > 0) found[line.slice(0, at).trim()] ??= line.slice(at + 1).trim()
    }
  }
  return found
}

function readPort(text: string): number {
  const port = Number(text)
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new OptionError('port', 'must be a number from 1 to 65535', text)
  }
  return port
}

function readSslMode(text: string | undefined): SslMode {
  if (text === undefined) return 'prefer'
  const mode = sslModes.find((one) => one === text)
  if (mode === undefined) throw new OptionError('sslmode', `must be one of ${sslModes.join(', ')}`, text)
  return mode
}

function defaultHost(port: number): string {
  return socketFolders.find((folder) => existsSync(join(folder, `.s.PGSQL.${port}`))) ?? 'localhost'
}

function systemUser(env: NodeJS.ProcessEnv): string {
  try {
    return userInfo().username
  } catch {
    return env.USER ?? env.USERNAME ?? 'postgres'
  }
}

function filled(text: string | undefined): string | undefined {
  return text === '' ? undefined : text
}

function optional<Name extends string>(name: Name, value: string | undefined): { [Key in Name]?: string } {
  return (value === undefined ? {} : { [name]: value }) as { [Key in Name]?: string }
}
