type AnyFunction = (...args: never[]) => unknown

/** The decorator of `@fastify/postgres`: `app.pg`, or `app.pg.<name>`. */
export interface FastifyPostgresLike {
  readonly pool: object
  connect: AnyFunction
  query: AnyFunction
  transact: AnyFunction
}

export interface NamedDatabase {
  readonly database: FastifyPostgresLike
  readonly part: string | undefined
}

/** `app.pg` itself, if it has a pool of its own, and those with a name in it. */
export function fastifyDatabases(given: unknown): NamedDatabase[] {
  if (typeof given !== 'object' || given === null) return []
  const own = isDatabase(given) ? [{ database: given, part: undefined }] : []
  // Without a pool of its own, it is a plain object for the named ones. Others may have getters, which could run code.
  if (own.length === 0 && Object.getPrototypeOf(given) !== null) return []
  const named = Object.entries(given).flatMap(([part, database]) =>
    isDatabase(database) ? [{ database, part }] : [],
  )
  return [...own, ...named]
}

function isDatabase(value: unknown): value is FastifyPostgresLike {
  if (typeof value !== 'object' || value === null) return false
  const { pool, Client, connect, query, transact } = value as Record<string, unknown>
  return (
    typeof pool === 'object' &&
    pool !== null &&
    [Client, connect, query, transact].every((member) => typeof member === 'function')
  )
}

export function isFastifyPostgres(value: unknown): boolean {
  return fastifyDatabases(value).length > 0
}

/** A MikroORM instance of major 6 or 7, its entity manager, or its driver. */
export type MikroOrmLike =
  | { readonly em: { getDriver: AnyFunction } }
  | { getDriver: AnyFunction }
  | { getPlatform: AnyFunction }

/** Major 6 creates a Knex instance per connection, major 7 a `pg.Pool`. */
export interface Connection {
  getKnex?(): unknown
  createKnex?(): unknown
  createKyselyDialect?(overrides?: object): unknown
  getNativeClient?(): Promise<unknown>
  readonly options?: { readonly driverOptions?: unknown }
  readonly config?: { get(name: string): unknown }
  readonly connected?: boolean
}

export interface Driver {
  readonly connection: Connection
  readonly replicas?: readonly Connection[]
  getPlatform(): object
}

export function isMikroOrm(value: unknown): value is MikroOrmLike {
  return mikroOrmDriver(value) !== undefined
}

export function mikroOrmDriver(value: unknown): Driver | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { em, driver, getDriver, getPlatform } = value as Record<string, unknown>
  // An instance has no entity manager until its entities are discovered.
  if (driver !== undefined || em !== undefined) return mikroOrmDriver(driver ?? em)
  if (typeof getDriver === 'function') return mikroOrmDriver(Reflect.apply(getDriver, value, []))
  const { connection } = value as Partial<Driver>
  const isDriver = typeof getPlatform === 'function' && typeof connection === 'object'
  return isDriver && isConnection(connection) ? (value as Driver) : undefined
}

function isConnection(connection: Connection | null | undefined): boolean {
  return typeof connection?.createKnex === 'function' || typeof connection?.createKyselyDialect === 'function'
}

/** A PgBoss instance. */
export interface PgBossLike {
  getDb(): object
  work: AnyFunction
  createQueue: AnyFunction
}

const bossMethods = ['getDb', 'work', 'createQueue']

export function isPgBoss(value: unknown): value is PgBossLike {
  return (
    typeof value === 'object' &&
    value !== null &&
    bossMethods.every((name) => typeof Reflect.get(value, name) === 'function')
  )
}

/** A TypeORM data source. */
export interface DataSourceLike {
  readonly driver: object
  initialize: AnyFunction
}

/** A Drizzle database that was created with a pool. */
export interface DrizzleLike {
  readonly $client: unknown
}

/** A database of pg-promise. */
export interface PgPromiseLike {
  readonly $pool: object
}

/** A library object that holds a `pg.Pool`, its own or the application's. */
export type PoolHolder = DataSourceLike | DrizzleLike | PgPromiseLike

export function isPoolHolder(value: unknown): value is PoolHolder {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false
  return isDrizzle(value) || isPgPromise(value) || isDataSource(value)
}

export function isDrizzle(value: object): value is DrizzleLike {
  return has(value, '$client') && !has(value, 'connect')
}

export function isPgPromise(value: object): value is PgPromiseLike {
  return has(value, '$pool')
}

function has(value: object, name: string): boolean {
  return Reflect.get(value, name) !== undefined
}

function isDataSource(given: object): given is DataSourceLike {
  const { driver, initialize, createQueryRunner } = given as Record<string, unknown>
  return (
    typeof driver === 'object' &&
    driver !== null &&
    typeof initialize === 'function' &&
    typeof createQueryRunner === 'function'
  )
}
