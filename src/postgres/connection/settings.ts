import { existsSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { OptionError } from '../../errors.ts'
import { readService } from './service-file.ts'
import { urlParameters } from './url.ts'

/** The server, the database and the role, from a URL, the environment and a service file, in this order. */
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

/** The server to connect to; without a URL, the one that libpq's variables name. */
export interface ConnectionOptions {
  /** `postgres://user:password@host:port/database?sslmode=require`. Default: `DATABASE_URL`, then `PGHOST` and so on. */
  readonly url?: string
  /** Overrides the database in the URL. */
  readonly database?: string
  /** Default: `process.env`. */
  readonly env?: NodeJS.ProcessEnv
}

const sslModes: readonly SslMode[] = [
  ...(['disable', 'allow', 'prefer', 'require', 'no-verify', 'verify-ca', 'verify-full'] as const),
]
const socketFolders = ['/var/run/postgresql', '/tmp']

/**
 * Reads the connection settings as PostgreSQL's own tools do: parts missing in the URL come from the service, from
 * `PGHOST`, `PGPORT`, `PGDATABASE`, `PGUSER`, `PGPASSWORD`, `PGSSLMODE`, `PGOPTIONS`, and then from libpq's defaults.
 *
 * @throws OptionError, without the URL, which may contain a password
 */
export function connectionSettings(options: ConnectionOptions = {}): ConnectionSettings {
  const env = options.env ?? process.env
  const url = options.url ?? (env.DATABASE_URL === '' ? undefined : env.DATABASE_URL)
  const given =
    url === undefined ? {} : urlParameters(url, options.url === undefined ? 'DATABASE_URL' : 'url')
  const service = given.service ?? env.PGSERVICE
  const named = service === undefined || service === '' ? {} : readService(service, env)
  const pick = (name: string, variable: string) =>
    filled(given[name]) ?? filled(named[name]) ?? filled(env[variable])

  const address = pick('hostaddr', 'PGHOSTADDR') ?? pick('host', 'PGHOST')
  // libpq tries a list of hosts until one accepts: that may be another server than the intended one.
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

/** The value of `sslrootcert` for the certificates that the system trusts, as far as Node.js has them. */
export const systemRoots = 'system'

/** A readable description without the password. */
export function describeTarget({ host, port, database, user }: ConnectionSettings): string {
  return `database ${database} at ${host}:${port} as ${user}`
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
