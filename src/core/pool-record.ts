/** What a pool says of itself. */
export interface PoolGauge {
  /** Open connections, checked out or idle. */
  readonly total: number
  readonly idle: number
  /** Callers in the pool's own queue. */
  readonly waiting: number
  /** The most connections it opens; undefined if it does not say. */
  readonly max: number | undefined
  /** How many it keeps open when they are idle; undefined if it does not say. */
  readonly min?: number | undefined
}

/** How a sentence refers to a pool: `pool orders`, but not `pool pool` for one that was given no name. */
export function describePool(name: string): string {
  return /^pool(?:-\d+)?$/.test(name) ? name : `pool ${name}`
}

/** A client that runs a statement of `pool.query`: no checkout is kept for it. */
export interface PassingQuery {
  readonly pid: number | undefined
  readonly text: string | undefined
}

/** One watched pool: who has its clients and who waits for them. A `Checkout` is in the one place or the other. */
export interface PoolRecord<Checkout> {
  readonly name: string
  readonly out: Set<Checkout>
  readonly waiters: Set<Checkout>
  /** When `end()` was called. */
  endingSince: number | undefined
  gauge(): PoolGauge
  /** Called by each sweep: looks for clients that went out past the guard, and forgets those released a while ago. */
  sweep(): void
  /** Looks into the pool for the statements of `pool.query` that are running now. */
  passingQueries(): readonly PassingQuery[]
}
