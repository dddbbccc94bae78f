import { endAbandonedStatement } from './client/cancel.ts'
import { isClient, type PgClientLike } from './client/types.ts'
import type { Finding } from './core/findings/finding.ts'
import { Ledger } from './core/ledger.ts'
import { readOptions } from './core/options/read.ts'
import type { OptionTable } from './core/options/rows.ts'
import { captureStack } from './core/origin/origin.ts'
import { excludeInBundle } from './core/origin/own-code.ts'
import { describePool } from './core/pool-record.ts'
import { type Snapshot, takeSnapshot } from './core/snapshot.ts'
import type { Statistics } from './core/statistics/statistics.ts'
import { ActiveTime } from './core/time/active-time.ts'
import type { Timeline } from './core/timeline/timeline.ts'
import { ClosedError, OptionError } from './errors.ts'
import { Announcer } from './guard/announcer.ts'
import { Enforcer } from './guard/enforcer.ts'
import { createInspector } from './guard/inspection.ts'
import { attachInternals } from './guard/internals.ts'
import { Judge } from './guard/judge.ts'
import { openScope, type Scopes, scopesOf } from './guard/scopes.ts'
import { keepStatistics } from './guard/statistics-reporting.ts'
import { startSweep, sweepPeriod } from './guard/sweep.ts'
import { timelineRecording } from './guard/timeline-recording.ts'
import { Attachment } from './hosts/attachment.ts'
import { poolSourceOf, type Watchable } from './hosts/pool-source.ts'
import { isSqlOfOne, type PostgresJsSqlLike } from './hosts/postgres-js/shape.ts'
import { slonikGuardOf } from './hosts/slonik/guarded-source.ts'
import { type LifeguardOptions, resolveOptions, type Settings } from './options.ts'
import { type ClientOf, openSession, type Session, type SessionPool } from './transactions/session.ts'
import { missingTimeouts } from './transactions/session-timeouts.ts'
import { runTransaction, type TransactionOptions } from './transactions/transaction.ts'

/** The options of `lifeguard.watch`. */
export interface WatchOptions {
  /** The name of the pool in reports. Default: `pool`, then `pool-2`, ... */
  readonly name?: string
}

export const watchTable = {
  whole: 'watch(pool, options)',
  prefix: 'watch.',
  rows: { name: { kind: 'string' } },
} as const satisfies OptionTable<WatchOptions>

/** The events of `lifeguard.on`, each with the finding as plain data. */
export interface LifeguardEvents {
  /** A finding was opened. If a remedy was applied, `outcome` is its result. */
  finding: Finding
  /** A remedy acted on a finding after it was reported, or acted again. */
  remedied: Finding
  /** A finding cleared; `resolution` is the way it did. */
  resolved: Finding
}

/** Watches pools and reports leaks with their line of source. Created by {@link createLifeguard}. */
export interface Lifeguard extends Scopes, AsyncDisposable {
  /**
   * Watches a pool from now on: a `pg.Pool` or what extends it, the `sql` of postgres.js, a Slonik pool, or the pools of an
   * instance of Knex, Sequelize, TypeORM, MikroORM, Drizzle, pg-promise or pg-boss, including those that it creates when it is
   * started again. A second call has no effect.
   *
   * @returns a function that ends the watch, also while clients are checked out
   * @throws WatchError if the host is not a pool or a known library, or is watched by another lifeguard
   *
   * @example
   * const pool = new pg.Pool({ max: 10 })
   * const unwatch = lifeguard.watch(pool, { name: 'main' })
   */
  watch(host: Watchable, options?: WatchOptions): () => void
  /**
   * Calls `listener` for each event. An error that it throws becomes a process warning and stops nothing.
   *
   * @returns a function that removes the listener
   *
   * @example
   * lifeguard.on('finding', ({ kind, origin }) => alert(`${kind} at ${origin?.file}:${origin?.line}`))
   */
  on<Event extends keyof LifeguardEvents>(
    event: Event,
    listener: (finding: LifeguardEvents[Event]) => void,
  ): () => void
  /**
   * All present data, frozen and plain: pools, checkouts, findings. `formatSnapshot` makes text of it.
   *
   * @example
   * const [longestHeld] = lifeguard.snapshot().checkouts
   */
  snapshot(): Snapshot
  /**
   * The hold durations per pool, line of source and scope, since this lifeguard was created.
   *
   * @throws OptionError unless the option `statistics` is on
   *
   * @example
   * for (const { pool, recommended } of lifeguard.statistics().pools) console.log(pool, recommended)
   */
  statistics(): Statistics
  /**
   * The last minutes of each pool: its checkouts and waits with their lines, scopes and transactions.
   *
   * @throws OptionError unless the option `timeline` is on, or a live page was created for this lifeguard
   *
   * @example
   * writeFileSync('pools.json', formatTrace(lifeguard.timeline())) // opens in Perfetto and Chrome
   */
  timeline(): Timeline
  /**
   * Exempts a client that is held for long by design: limits do not apply to it until it is released.
   *
   * @example
   * const client = await pool.connect()
   * lifeguard.exempt(client, 'LISTEN connection')
   * await client.query('LISTEN events')
   */
  exempt(client: PgClientLike | PostgresJsSqlLike, reason: string): void
  /**
   * Runs `work` in a transaction: BEGIN, COMMIT or ROLLBACK, and release, in the right order under every error.
   *
   * @returns the result of `work`
   * @throws the error of `work`, after ROLLBACK; LostCommitError if COMMIT was answered by ROLLBACK
   *
   * @example
   * await lifeguard.transaction(pool, async (client) => {
   *   await client.query('UPDATE accounts SET balance = balance - 10 WHERE id = $1', [1])
   *   await client.query('UPDATE accounts SET balance = balance + 10 WHERE id = $1', [2])
   * })
   */
  transaction<Pool extends SessionPool, Result>(
    pool: Pool,
    work: (client: ClientOf<Pool>) => Promise<Result>,
    options?: TransactionOptions,
  ): Promise<Result>
  /**
   * Checks out a client that is released at the end of the block. A transaction that is still open is rolled back first.
   *
   * @example
   * await using session = await lifeguard.session(pool)
   * await session.client.query('SELECT 1')
   */
  session<Pool extends SessionPool>(pool: Pool): Promise<Session<ClientOf<Pool>>>
  /**
   * Unwatches every pool and waits for running remedies. The lifeguard cannot be used again. `await using` calls it as well.
   *
   * @example
   * process.once('SIGTERM', async () => {
   *   await pool.end()
   *   await lifeguard.close()
   * })
   */
  close(): Promise<void>
}

/**
 * Creates a lifeguard. It does nothing until a pool is watched.
 *
 * @throws OptionError if an option is unknown or its value is invalid
 *
 * @example
 * import pg from 'pg'
 * import { createLifeguard } from 'pg-lifeguard'
 *
 * const pool = new pg.Pool()
 * const lifeguard = createLifeguard({ mode: 'enforce', limits: { idleTransactionMillis: 5_000 } })
 * lifeguard.watch(pool)
 */
export function createLifeguard(options?: LifeguardOptions): Lifeguard {
  const settings = resolveOptions(options)
  const guard = assemble(settings)
  const { ledger, announcer, enforcer, inspection, statistics, timeline } = guard
  const pools = watchedPools(settings, guard)
  const closing = new Set<() => void>()
  let closed = false

  const lifeguard: Lifeguard = {
    ...scopesOf(ledger),
    watch(pool, watchOptions = {}) {
      if (closed) throw new ClosedError('lifeguard.watch')
      return pools.watch(pool, watchOptions)
    },
    on: (event, listener) => announcer.on(event, listener),
    snapshot: () => takeSnapshot(ledger, settings.mode),
    statistics: () => statistics.data(),
    timeline: () => timeline.data(),
    exempt: (client, reason) => pools.exempt(client, reason),
    transaction: (pool, work, transactionOptions) =>
      runTransaction(pool, work, transactionOptions, (client) =>
        endAbandonedStatement(client, pool, settings.clock),
      ),
    session: (pool) => openSession(pool),
    async close() {
      if (closed) return
      closed = true
      for (const end of closing) end()
      inspection.closed()
      pools.unwatchAll()
      guard.sweep.stop()
      statistics.close()
      timeline.close()
      await enforcer.settled()
      announcer.close()
    },
    [Symbol.asyncDispose]: () => lifeguard.close(),
  }
  const { inspector } = inspection
  attachInternals(lifeguard, {
    ...{ ledger, announcer, inspector, timeline, closing },
    openScope: (given) => openScope(ledger, given),
    requestKey: Symbol('pg-lifeguard.request'),
    surfaces: new Set(),
  })
  return lifeguard
}

type Guard = ReturnType<typeof assemble>

/** Creates the parts of one lifeguard. */
function assemble(resolved: Settings) {
  // A copy, because a leak check changes the remedies.
  const remedies = { ...resolved.remedies }
  const settings = { ...resolved, remedies }
  const { clock, context, queryText } = settings
  const period = sweepPeriod(settings.limits)
  const time = new ActiveTime(clock, period)
  const announcer = new Announcer(settings.reporters, settings.reportsPerMinute, clock)
  const ledger = new Ledger(clock, time, context, queryText, {
    requested: () => sweep.wake(),
    resolved: (record) => announcer.resolved(record),
  })
  ledger.exempt = settings.exempt
  const enforcer = new Enforcer(settings, ledger, announcer)
  const judge = new Judge(settings, ledger, announcer, enforcer)
  const sweep = startSweep(ledger, period, () => judge.sweep())
  const inspection = createInspector(ledger, remedies)
  const statistics = keepStatistics(settings, ledger, announcer)
  const timeline = timelineRecording(ledger, settings.timeline || undefined)
  return { ledger, announcer, enforcer, judge, sweep, inspection, statistics, timeline }
}

/** The pools that one lifeguard watches. */
function watchedPools(settings: Settings, { ledger, judge, announcer, inspection }: Guard) {
  const watches = new Map<object, Attachment>()
  let names = 0

  function begin(host: Watchable, given: string | undefined): Attachment {
    const name = given ?? (names === 0 ? 'pool' : `pool-${names + 1}`)
    const { handles, tag } = settings
    const stack = captureStack()
    const watch = new Attachment(
      poolSourceOf(host),
      { name, handles, tag },
      ledger,
      judge,
      (watched, pool) => {
        inspection.watched(watched.record, stack)
        const advice = missingTimeouts(pool)
        if (advice !== undefined) announcer.info(`${describePool(watched.record.name)} has ${advice}`)
      },
      () => watches.delete(host),
    )
    names += 1
    watches.set(host, watch)
    return watch
  }

  return {
    watch(host: Watchable, options: WatchOptions): () => void {
      const { name } = readOptions(watchTable, options)
      const key = slonikGuardOf(host) ?? host
      const watch = watches.get(key) ?? begin(key as Watchable, name)
      return () => {
        watch.unwatch()
        if (watches.get(key) === watch) watches.delete(key)
      }
    },
    exempt(client: PgClientLike | PostgresJsSqlLike, reason: string): void {
      if (!isClient(client) && !isSqlOfOne(client)) {
        throw new OptionError('exempt(client)', 'must be a client', client)
      }
      if (typeof reason !== 'string' || reason.trim() === '') {
        throw new OptionError('exempt(client, reason)', 'must be a string that says why', reason)
      }
      const checkouts = [...watches.values()].map((watch) => watch.checkoutOf(client))
      const checkout = checkouts.find((found) => found !== undefined)
      // Not an error: the same program may run without watching its pool.
      if (checkout === undefined)
        announcer.info(`exempt: the client (${reason}) is not checked out of a watched pool`)
      else judge.exempt(checkout, reason)
    },
    unwatchAll(): void {
      for (const watch of watches.values()) watch.unwatch()
      watches.clear()
    },
  }
}

excludeInBundle(createLifeguard, watchedPools)
