import type { Checkout, CheckoutPool } from '../core/checkout.ts'
import { isListening } from '../core/exemptions.ts'
import { exhaustionMessage, isAcquireTimeout, nameHolders } from '../core/exhaustion.ts'
import { bitOf, type FindingKind, type Holder } from '../core/findings/finding.ts'
import type { FindingRecord } from '../core/findings/finding-record.ts'
import type { Rule, Wait } from '../core/findings/rule.ts'
import { holdersAmong, holdersOf } from '../core/holders.ts'
import type { Ledger } from '../core/ledger.ts'
import type { Scope } from '../core/scope.ts'
import { tolerated } from '../core/unawaited.ts'
import { PoolDeadlockError } from '../errors.ts'
import type { Settings } from '../options.ts'
import { nestedAcquire } from '../rules/nested-acquire.ts'
import { poolDeadlock } from '../rules/pool-deadlock.ts'
import { poolExhausted } from '../rules/pool-exhausted.ts'
import type { Announcer } from './announcer.ts'
import type { Enforcer } from './enforcer.ts'

/** The kinds that a deadlock explains. */
const consequences: readonly FindingKind[] = [
  'nested-acquire',
  'pool-exhausted',
  'idle-transaction',
  'long-transaction',
  'long-hold',
]

/** Judges the callers that wait for a client. Thousands that wait for one reason are one finding. */
export class WaitJudge {
  readonly #settings: Settings
  readonly #ledger: Ledger
  readonly #announcer: Announcer
  readonly #enforcer: Enforcer
  readonly #exhausted: Rule<Wait>
  /** Pools whose waiters have an open finding. */
  readonly #exhaustedPools = new WeakMap<CheckoutPool, FindingRecord>()
  /** The holders of reported deadlocks. */
  readonly #deadlocked = new WeakSet<Checkout>()
  /** Until the end of this turn. */
  readonly #holders = new Map<CheckoutPool, readonly Holder[]>()

  constructor(settings: Settings, ledger: Ledger, announcer: Announcer, enforcer: Enforcer) {
    this.#settings = settings
    this.#ledger = ledger
    this.#announcer = announcer
    this.#enforcer = enforcer
    this.#exhausted = poolExhausted(settings.limits.acquireWaitMillis)
  }

  /** Judges all callers that wait for a client of this pool. Yields after each finding about a scope. */
  *sweep(pool: CheckoutPool, now: number): Generator<undefined> {
    if (pool.waiters.size === 0) return
    yield* this.#judgeNesting(pool, now)
    this.#judgeQueue(pool, now)
    this.#judgeDeadlock(pool, now)
  }

  /** Judges a caller that got an error in place of a client, and adds the holders to the pool's timeout error. */
  acquireFailed(checkout: Checkout, error: unknown): void {
    if (!isAcquireTimeout(error)) return
    const { pool, queued } = checkout
    const holders = this.#holdersNow(pool)
    // Some pools answer in the same way if a connection has not opened in time.
    const hadRoom = !queued && holders.length < (pool.gauge().max ?? 0)
    if (holders.length === 0 || hadRoom) return
    nameHolders(error, pool, holders)
    if (!has(checkout, 'pool-exhausted')) this.#judgeWait(checkout, this.#ledger.time.now(), true)
  }

  timedOut(pool: CheckoutPool, error: Error): void {
    nameHolders(error, pool, this.#holdersNow(pool))
  }

  /** Reports the first caller that has waited too long, on behalf of the others. */
  #judgeQueue(pool: CheckoutPool, now: number): void {
    const { acquireWaitMillis } = this.#settings.limits
    if (acquireWaitMillis === false) return
    for (const waiter of pool.waiters) {
      // Waiters are in the order of their arrival.
      if (now - waiter.requestedAt < acquireWaitMillis) return
      if (has(waiter, 'pool-exhausted')) continue
      const open = this.#exhaustedPools.get(pool)
      if (open === undefined || open.resolved) this.#judgeWait(waiter, now, false)
      else mark(waiter, 'pool-exhausted')
    }
  }

  #judgeWait(checkout: Checkout, now: number, gaveUp: boolean): void {
    const { pool } = checkout
    const occupation = () => ({
      gauge: pool.gauge(),
      held: pool.out.size,
      passing: pool.passingQueries().length,
      unseen: pool.unseen(),
    })
    const hint = this.#exhausted.judge({ checkout, gaveUp, occupation }, now)
    if (hint === undefined) return
    const record = this.#enforcer.report(this.#exhausted, checkout, hint, {
      holders: holdersOf(this.#ledger, pool),
    })
    if (record !== undefined) this.#exhaustedPools.set(pool, record)
    // Callers that give up at the same time have the same reason.
    if (gaveUp) for (const waiter of pool.waiters) mark(waiter, 'pool-exhausted')
  }

  *#judgeNesting({ out, waiters }: CheckoutPool, now: number): Generator<undefined> {
    const judged = new Set<Scope>()
    const holding = scopesOf(out)
    for (const waiter of waiters) {
      const { scope } = waiter
      if (!isWithin(holding, scope) || has(waiter, 'nested-acquire')) continue
      // One that listens is no client to pass on.
      const holdings = [...out].filter((holder) => holder.scope?.encloses(scope) && !isListening(holder))
      const hint = nestedAcquire.judge({ waiter, holdings }, now)
      if (hint === undefined) continue
      if (judged.has(scope)) {
        mark(waiter, 'nested-acquire')
        continue
      }
      judged.add(scope)
      this.#enforcer.report(nestedAcquire, waiter, hint, { holders: holdersAmong(this.#ledger, holdings) })
      yield
    }
  }

  /**
   * Opens one finding for the whole pool, which names all holders. It belongs to the last caller of a scope that holds a
   * client: rejecting any other caller, which may have queued behind them, would free nothing.
   */
  #judgeDeadlock(pool: CheckoutPool, now: number): void {
    const hint = poolDeadlock.judge(pool, now)
    if (hint === undefined) return
    const waiters = [...pool.waiters]
    const out = [...pool.out]
    if (waiters.some((waiter) => has(waiter, 'pool-deadlock'))) return
    const { remedies } = this.#settings
    // If a waiter gives up and the same holders are still stuck, it is the same deadlock, unless each must be rejected.
    if (remedies['pool-deadlock'] === 'report' && out.some((holder) => this.#deadlocked.has(holder))) return
    const holding = scopesOf(out)
    const newest = waiters.findLast(({ scope }) => isWithin(holding, scope))
    if (newest === undefined) return
    const holders = holdersOf(this.#ledger, pool)
    const record = this.#enforcer.open(poolDeadlock, newest, hint, { holders })
    if (record === undefined) return
    for (const holder of out) this.#deadlocked.add(holder)
    this.#ledger.findings.absorb(
      record,
      [...out, ...waiters],
      consequences.filter((kind) => remedies[kind] === 'report'),
    )
    const { reject } = newest
    if (record.evidence.remedy !== 'reject' || reject === undefined) {
      this.#announcer.finding(record)
      return
    }
    record.remedied('rejected', undefined)
    this.#announcer.finding(record)
    this.#ledger.withdrawn(newest, 'rejected')
    reject(tolerated(new PoolDeadlockError(record.reference, exhaustionMessage(pool, holders))))
  }

  /** The holders, described once for all callers that time out at once, which may be thousands. */
  #holdersNow(pool: CheckoutPool): readonly Holder[] {
    const known = this.#holders.get(pool)
    if (known !== undefined) return known
    const list = holdersOf(this.#ledger, pool)
    if (this.#holders.size === 0) setImmediate(() => this.#holders.clear())
    this.#holders.set(pool, list)
    return list
  }
}

function scopesOf(checkouts: Iterable<Checkout>): ReadonlySet<Scope> {
  const scopes = new Set<Scope>()
  for (const { scope } of checkouts) if (scope !== undefined) scopes.add(scope)
  return scopes
}

/** Whether one of these scopes encloses `scope`: thousands wait, so that they are not compared with each holder. */
function isWithin(scopes: ReadonlySet<Scope>, scope: Scope | undefined): scope is Scope {
  for (let around = scope; around !== undefined; around = around.parent) if (scopes.has(around)) return true
  return false
}

function has({ reported }: Checkout, kind: FindingKind): boolean {
  return (reported & bitOf(kind)) !== 0
}

/** Marks a waiter as covered by the finding of another one. */
function mark(waiter: Checkout, kind: FindingKind): void {
  waiter.reported |= bitOf(kind)
}
