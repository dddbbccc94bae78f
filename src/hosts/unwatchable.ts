/** A library that is known, and cannot be watched as it was given. */
interface Known {
  readonly library: string
  /** Methods and properties by which it is recognised. */
  readonly traits: readonly string[]
  readonly advice: string
}

const known: readonly Known[] = [
  {
    library: 'a Kysely database',
    traits: ['selectFrom', 'getExecutor'],
    advice: 'it does not show its pool: watch the pg.Pool that its PostgresDialect was given',
  },
  {
    library: 'a Prisma client',
    traits: ['$connect', '$transaction', '$disconnect'],
    advice:
      'it does not show its pool: give the adapter a pool of yours, new PrismaPg(pool), and watch that pool',
  },
  {
    library: 'the sql function of postgres.js',
    traits: ['begin', 'reserve', 'unsafe'],
    advice: 'its driver is not node-postgres, and has no pool that can be watched',
  },
  {
    library: 'a Slonik pool',
    traits: ['connect', 'any', 'one', 'transaction', 'configuration'],
    advice: 'it hands out connections of its own, behind which its clients cannot be reached',
  },
  {
    library: 'a MySQL pool',
    traits: ['getConnection', 'query', 'format'],
    advice: 'it is not PostgreSQL',
  },
]

/** Says what was recognised and what to pass instead; undefined for anything else. */
export function describeUnwatchable(given: unknown): string | undefined {
  if ((typeof given !== 'object' && typeof given !== 'function') || given === null) return undefined
  const found = known.find(({ traits }) => traits.every((name) => Reflect.get(given, name) !== undefined))
  return found && `${found.library}: ${found.advice}`
}
