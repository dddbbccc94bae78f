import type { Checkout, CheckoutPool } from '../core/checkout.ts'
import { exhaustionMessage, isAcquireTimeout, nameHolders } from '../core/exhaustion.ts'
import { bitOf } from '../core/findings/finding.ts'
import type { Rule, Wait } from '../core/findings/rule.ts'
import { holdersAmong, holdersOf } from '../core/holders.ts'
import type { Ledger } from '../core/ledger.ts'
import { PoolDeadlockError } from '../errors.ts'
import type { Settings } from '../options.ts'
import { nestedAcquire } from '../rules/nested-acquire.ts'
import { poolDeadlock } from '../rules/pool-deadlock.ts'
import { poolExhausted } from '../rules/pool-exhausted.ts'
import type { Announcer } from './announcer.ts'
import type { Enforcer } from './enforcer.ts'

/** Judges the callers that wait for a client. */
export class WaitJudge {
  readonly #ledger: Ledger
  readonly #announcer: Announcer
  readonly #enforcer: Enforcer
  readonly #exhausted: Rule<Wait>

  constructor({ limits }: Settings, ledger: Ledger, announcer: Announcer, enforcer: Enforcer) {
    this.#ledger = ledger
    this.#announcer = announcer
    this.#enforcer = enforcer
    this.#exhausted = poolExhausted(limits.acquireWaitMillis)
  }

  /** Looks at all that wait for a client of this pool. */
  sweep(pool: CheckoutPool, now: number): void {
    for (const waiter of pool.waiters) {
      this.#judgeNesting(waiter, now)
      this.#judgeWait(waiter, now, false)
    }
    if (pool.waiters.size > 0) this.#judgeDeadlock(pool, now)
  }

  /** A caller got an error instead of a client; the pool's own time-out error is given the holders. */
  acquireFailed(checkout: Checkout, error: unknown): void {
    if (!isAcquireTimeout(error)) return
    const { pool } = checkout
    nameHolders(error, pool, holdersOf(this.#ledger, pool))
    this.#judgeWait(checkout, this.#ledger.time.now(), true)
  }

  #judgeWait(checkout: Checkout, now: number, gaveUp: boolean): void {
    if ((checkout.reported & bitOf(this.#exhausted.kind)) !== 0) return
    const { pool } = checkout
    const occupation = () => ({
      gauge: pool.gauge(),
      held: pool.out.size,
      passing: pool.passingQueries().length,
    })
    const hint = this.#exhausted.judge({ checkout, gaveUp, occupation }, now)
    if (hint === undefined) return
    this.#enforcer.report(this.#exhausted, checkout, hint, { holders: holdersOf(this.#ledger, pool) })
  }

  #judgeNesting(waiter: Checkout, now: number): void {
    const { pool, scope } = waiter
    if (scope === undefined || (waiter.reported & bitOf(nestedAcquire.kind)) !== 0) return
    const holdings = [...pool.out].filter((holder) => holder.scope?.encloses(scope))
    const hint = nestedAcquire.judge({ waiter, holdings }, now)
    if (hint === undefined) return
    this.#enforcer.report(nestedAcquire, waiter, hint, { holders: holdersAmong(this.#ledger, holdings) })
  }

  /**
   * One finding for the whole pool, which names all holders. It is opened for the last of those who keep a holder
   * waiting: others may have queued up behind them, and rejecting one of these would free nothing.
   */
  #judgeDeadlock(pool: CheckoutPool, now: number): void {
    const waiters = [...pool.waiters]
    if (waiters.some(({ reported }) => (reported & bitOf(poolDeadlock.kind)) !== 0)) return
    const hint = poolDeadlock.judge(pool, now)
    if (hint === undefined) return
    const out = [...pool.out]
    const newest = waiters.findLast(({ scope }) => out.some((holder) => holder.scope?.encloses(scope)))
    if (newest === undefined) return
    const holders = holdersOf(this.#ledger, pool)
    const record = this.#enforcer.open(poolDeadlock, newest, hint, { holders })
    if (record === undefined) return
    const { reject } = newest
    if (record.evidence.remedy !== 'reject' || reject === undefined) {
      this.#announcer.finding(record)
      return
    }
    record.remedied('rejected', undefined)
    this.#announcer.finding(record)
    this.#ledger.withdrawn(newest, 'rejected')
    reject(new PoolDeadlockError(record.reference, exhaustionMessage(pool, holders)))
  }
}
