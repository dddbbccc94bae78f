import { OptionError } from '../errors.ts'
import { type ControlConnection, connectControl } from '../postgres/index.ts'

/** The parts of a `pg.Pool` that name its server. */
export interface PagePoolLike {
  readonly options: object
}

/** The server that the page looks at: a connection string, or a pool with whose options the page connects. */
export type PageDatabase = string | PagePoolLike

/** @throws OptionError */
export function requireDatabase(option: string, database: PageDatabase): void {
  if (typeof database === 'string' && URL.canParse(database)) return
  const isPool = typeof database === 'object' && database !== null && typeof database.options === 'object'
  // The value may contain a password.
  if (!isPool) throw new OptionError(option, 'must be a connection string or a pg.Pool', undefined)
}

/** Opens a connection outside the pool: a full pool must not block its diagnosis. */
export function databaseConnector(database: PageDatabase): () => Promise<ControlConnection> {
  if (typeof database === 'string') return () => connectControl({ url: database })
  const {
    connectionString,
    host,
    port,
    user,
    password,
    ssl,
    database: name,
  } = database.options as PoolOptions
  if (connectionString !== undefined) return () => connectControl({ url: connectionString })
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    ...(host === undefined ? {} : { PGHOST: host }),
    ...(port === undefined ? {} : { PGPORT: String(port) }),
    ...(user === undefined ? {} : { PGUSER: user }),
    ...(name === undefined ? {} : { PGDATABASE: name }),
    ...(typeof password === 'string' ? { PGPASSWORD: password } : {}),
    ...(ssl === undefined || ssl === false ? {} : { PGSSLMODE: 'require' }),
  }
  delete env.DATABASE_URL
  return () => connectControl({ env })
}

interface PoolOptions {
  readonly connectionString?: string
  readonly host?: string
  readonly port?: number
  readonly user?: string
  readonly password?: unknown
  readonly database?: string
  readonly ssl?: unknown
}
