/** A known library whose object cannot be watched as it is. */
interface Known {
  readonly library: string
  /** The methods and properties that identify it. */
  readonly traits: readonly string[]
  readonly advice: string
}

const known: readonly Known[] = [
  {
    library: 'a Kysely database',
    traits: ['selectFrom', 'getExecutor'],
    advice: 'it does not expose its pool: watch the pg.Pool that you pass to PostgresDialect',
  },
  {
    library: 'a Prisma client',
    traits: ['$connect', '$transaction', '$disconnect'],
    advice:
      'it does not expose its pool: pass your own pool to the adapter, new PrismaPg(pool), and watch that pool',
  },
  {
    library: 'the sql of one transaction or reserved connection of postgres.js',
    traits: ['unsafe', 'notify', 'array', 'typed'],
    advice: 'watch the sql that it comes from',
  },
  {
    library: 'a Fastify application',
    traits: ['register', 'decorate', 'inject'],
    advice: 'watch its app.pg, once @fastify/postgres is registered, or the pool that it uses',
  },
  {
    library: 'a runner of graphile-worker',
    traits: ['addJob', 'stop', 'events'],
    advice: 'pass your own pool to it, run({ pgPool: pool }), and watch that pool',
  },
  {
    library: 'a store of connect-pg-simple',
    traits: ['pruneSessions', 'quotedTable'],
    advice: 'pass your own pool to it, new Store({ pool }), and watch that pool',
  },
  {
    library: 'a MySQL pool',
    traits: ['getConnection', 'query', 'format'],
    advice: 'it is not PostgreSQL',
  },
]

/** Names the recognised library and what to pass instead; undefined for anything else. */
export function describeUnwatchable(given: unknown): string | undefined {
  if ((typeof given !== 'object' && typeof given !== 'function') || given === null) return undefined
  const found = known.find(({ traits }) => traits.every((name) => Reflect.get(given, name) !== undefined))
  return found && `${found.library}: ${found.advice}`
}
