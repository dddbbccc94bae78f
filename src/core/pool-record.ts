import type { CapturedStack, Origin } from './origin/origin.ts'

/** The figures that a pool reports about itself. */
export interface PoolGauge {
  /** Open connections, checked out or idle. */
  readonly total: number | undefined
  readonly idle: number | undefined
  /** Callers in the pool's own queue. */
  readonly waiting: number
  /** The maximum number of connections; undefined if the pool does not expose it. */
  readonly max: number | undefined
  /** The number of idle connections that the pool keeps open; undefined if the pool does not expose it. */
  readonly min?: number | undefined
}

/** The name of a pool in a sentence: `pool orders`, but only `pool` for one without a name. */
export function describePool(name: string): string {
  return /^pool(?:-\d+)?$/.test(name) ? name : `pool ${name}`
}

/** A client that runs a statement of `pool.query`, which has no checkout. */
export interface PassingQuery {
  readonly pid: number | undefined
  readonly text: string | undefined
}

/**
 * A set of checkouts, with the time at which each is due to be judged. It may be changed while its checkouts are
 * visited, all or those that are due.
 */
export interface CheckoutSet<Checkout> extends Iterable<Checkout> {
  readonly size: number
  /** Adds one that is due at once. */
  add(checkout: Checkout): void
  delete(checkout: Checkout): boolean
  /** Sets the time at which it is due; ignored for one that is not in the set. */
  setDue(checkout: Checkout, at: number): void
  /** Begins a round over the present checkouts, and ends the one before. */
  beginRound(): void
  /** The next one of the round that is due, or whose session is gone; undefined at its end. */
  nextDue(now: number): Checkout | undefined
}

/** What reports of a pool show about its stacks. */
export interface StackPolicy {
  /** The line of a checkout was looked for, and its stack did not have one. */
  raise(caller: CapturedStack): void
  /** The stacks of a caller and of its first statements, when its checkout is over. */
  sawStatements(caller: CapturedStack | undefined, stacks: readonly CapturedStack[]): void
  /** A finding was opened, and the stack of its checkout has not all callers of its line. */
  deepen(): void
  /** The line of BEGIN for a checkout with this stack, where that of BEGIN was not recorded. */
  usualOpener(caller: CapturedStack | undefined): Origin | undefined
}

/** One watched pool, with the checkouts that are out and those that wait. */
export interface PoolRecord<Checkout> {
  readonly name: string
  /** Those that are checked out, the longest-held first. */
  readonly out: CheckoutSet<Checkout>
  readonly waiters: Set<Checkout>
  /** The time at which `end()` was called. */
  endingSince: number | undefined
  gauge(): PoolGauge
  /** Called by each sweep: finds clients that were checked out past the guard, and drops old releases. */
  sweep(): void
  /** Undefined if its stacks are always deep. */
  readonly stacks?: StackPolicy
  /** The statements of `pool.query` that are running now. */
  passingQueries(): readonly PassingQuery[]
  /** The clients that are out since before the pool was watched, and send nothing now. */
  unseen(): number
}
