import type { Checkout, CheckoutPool } from '../core/checkout.ts'
import type { CheckoutEvents, Verdict } from '../core/checkout-events.ts'
import type { ClientControl } from '../core/client-control.ts'
import { exhaustionMessage, isAcquireTimeout, nameHolders } from '../core/exhaustion.ts'
import { bitOf, type FindingKind } from '../core/findings/finding.ts'
import type { FindingRecord } from '../core/findings/finding-record.ts'
import type { EndedSession, Release, Rule, Wait } from '../core/findings/rule.ts'
import type { Ledger } from '../core/ledger.ts'
import { captureStack, originOf } from '../core/origin/origin.ts'
import { within } from '../core/time/within.ts'
import { type FindingReference, PoolDeadlockError, SessionReleasedError } from '../errors.ts'
import type { Settings } from '../options.ts'
import { rollBackFirst } from '../remedies/rollback.ts'
import { blockedShutdown } from '../rules/blocked-shutdown.ts'
import { busyRelease } from '../rules/busy-release.ts'
import { dirtyRelease } from '../rules/dirty-release.ts'
import { doubleRelease } from '../rules/double-release.ts'
import { idleTransaction } from '../rules/idle-transaction.ts'
import { longHold } from '../rules/long-hold.ts'
import { longTransaction } from '../rules/long-transaction.ts'
import { lostCommit } from '../rules/lost-commit.ts'
import { nestedAcquire } from '../rules/nested-acquire.ts'
import { outlivedScope } from '../rules/outlived-scope.ts'
import { poolDeadlock } from '../rules/pool-deadlock.ts'
import { poolExhausted } from '../rules/pool-exhausted.ts'
import { sessionKilled } from '../rules/session-killed.ts'
import { useAfterRelease } from '../rules/use-after-release.ts'
import type { Announcer } from './announcer.ts'
import type { Enforcer, More } from './enforcer.ts'
import { SessionStateJudge } from './session-state-judge.ts'

/** A failed statement's ReadyForQuery follows its error at once; a release does not wait longer for it. */
const settleMillis = 2000

interface TimedRule {
  readonly rule: Rule<Checkout>
  readonly bit: number
  /** Whether an exempted checkout is spared. */
  readonly exempts: boolean
}

/** Brings together what happened and the rules that judge it. */
export class Judge implements CheckoutEvents {
  readonly rejectsWaiters: boolean
  readonly sessionState: CheckoutEvents['sessionState']
  readonly #settings: Settings
  readonly #ledger: Ledger
  readonly #announcer: Announcer
  readonly #enforcer: Enforcer
  readonly #state: SessionStateJudge
  readonly #lateUses = new WeakMap<Checkout, FindingReference>()
  readonly #timed: readonly TimedRule[]
  readonly #exhausted: Rule<Wait>

  constructor(settings: Settings, ledger: Ledger, announcer: Announcer, enforcer: Enforcer) {
    const { limits } = settings
    this.#settings = settings
    this.#ledger = ledger
    this.rejectsWaiters = settings.remedies['pool-deadlock'] === 'reject'
    this.#announcer = announcer
    this.#enforcer = enforcer
    this.#state = new SessionStateJudge(settings, ledger, announcer, enforcer)
    this.sessionState = this.#state.interest
    this.#exhausted = poolExhausted(limits.acquireWaitMillis)
    this.#timed = [
      ...timed(limits.idleTransactionMillis, idleTransaction, true),
      ...timed(limits.transactionMillis, longTransaction, true),
      ...timed(limits.holdMillis, longHold, true),
      ...timed(limits.scopeGraceMillis, outlivedScope, true),
      ...timed(limits.scopeGraceMillis, blockedShutdown, false),
    ]
  }

  /** Looks at everything that is out or waiting. */
  sweep(): void {
    const now = this.#ledger.time.now()
    for (const pool of this.#ledger.pools) {
      pool.forgetReleased()
      for (const checkout of pool.out) {
        if (checkout.phase === 'out') this.#judgeCheckout(checkout, now)
      }
      for (const waiter of pool.waiters) this.#judgeWait(waiter, now, false)
      if (pool.waiters.size > 0) this.#judgeDeadlock(pool, now)
    }
  }

  exempt(checkout: Checkout, reason: string): void {
    checkout.exemption = reason
    this.#ledger.resolve(checkout, (kind) => spared.has(kind), { what: `exempted: ${reason}` })
  }

  releasing(release: Release): Verdict {
    if (!release.settled) return this.#enforcer.follow(this.#judgeWhenSettled(release))
    const verdict = this.#judgeWork(release)
    if (verdict === 'proceed') return this.#state.leaving(release)
    return verdict.then((then) => (then === 'proceed' ? this.#state.leaving(release) : then))
  }

  leavingState(checkout: Checkout, control: ClientControl): void {
    this.#state.report(checkout, control)
  }

  arriving(control: ClientControl): Promise<void> | undefined {
    return this.#state.arriving(control)
  }

  holdsReleases(control: ClientControl, pipelined: boolean): boolean {
    const remedy = this.#settings.remedies['dirty-release']
    return remedy === 'destroy' || (remedy === 'rollback' && pipelined) || this.#state.inspects(control)
  }

  releasedAs(release: Release): 'remedied' | 'left' {
    const { checkout, control } = release
    const hint = dirtyRelease.judge(release, 0)
    const record = hint === undefined ? undefined : this.#enforcer.open(dirtyRelease, checkout, hint)
    if (record === undefined) return 'left'
    if (record.evidence.remedy !== 'rollback') {
      this.#announcer.finding(record)
      return 'left'
    }
    const rollback = this.#enforcer.follow(
      rollBackFirst(control).then(({ outcome, detail }) => record.remedied(outcome, detail)),
    )
    this.#announcer.finding(record, rollback)
    void rollback.then(() =>
      this.#ledger.resolve(checkout, (kind) => kind === 'dirty-release', rolledBackInTime),
    )
    return 'remedied'
  }

  releasedAgain(checkout: Checkout, ownedByAnother: boolean): boolean {
    const hint = doubleRelease.judge({ checkout, ownedByAnother }, 0)
    if (hint !== undefined) this.#reportLateAct(doubleRelease, checkout, hint)
    return this.#settings.remedies['double-release'] === 'refuse'
  }

  usedAfterRelease(checkout: Checkout): Error | undefined {
    const hint = useAfterRelease.judge(checkout, 0)
    if (hint === undefined) return undefined
    const record = this.#reportLateAct(useAfterRelease, checkout, hint)
    if (this.#settings.remedies['use-after-release'] !== 'refuse') return undefined
    // The finding is made once; each statement is told of it.
    const reference = record?.reference ?? this.#lateUses.get(checkout)
    if (reference !== undefined) this.#lateUses.set(checkout, reference)
    return new SessionReleasedError(reference)
  }

  releasedLate(checkout: Checkout): void {
    this.#ledger.releasedLate(checkout)
  }

  cleaned(checkout: Checkout, how: string): void {
    this.#ledger.resolve(checkout, () => true, { what: how })
  }

  transactionEnded(checkout: Checkout): void {
    // After a rollback of ours the owner still has to learn of it; until then nothing is resolved.
    if (this.#enforcer.hasTransactionOf(checkout)) return
    this.#ledger.endTransaction(checkout, 'its transaction has ended')
  }

  commitAnswered(checkout: Checkout): void {
    const hint = lostCommit.judge(checkout, 0)
    if (hint !== undefined) this.#report(lostCommit, checkout, hint)
  }

  sessionEnded(ended: EndedSession): void {
    const { checkout } = ended
    const hint = sessionKilled.judge(ended, 0)
    if (hint !== undefined) this.#report(sessionKilled, checkout, hint)
    this.#ledger.endTransaction(checkout, 'its session was ended by the server')
  }

  acquireFailed(checkout: Checkout, error: unknown): void {
    if (!isAcquireTimeout(error)) return
    const { pool } = checkout
    nameHolders(error, pool, this.#ledger.holders(pool))
    this.#judgeWait(checkout, this.#ledger.time.now(), true)
  }

  #judgeCheckout(checkout: Checkout, now: number): void {
    const exempt = checkout.exemption !== undefined
    for (const { rule, bit, exempts } of this.#timed) {
      if ((checkout.reported & bit) !== 0 || (exempt && exempts)) continue
      const hint = rule.judge(checkout, now)
      if (hint !== undefined) this.#report(rule, checkout, hint)
      if (checkout.phase !== 'out') return
    }
    if (now >= checkout.destroyAt) this.#enforcer.destroyAfterRollback(checkout)
  }

  #judgeWait(checkout: Checkout, now: number, gaveUp: boolean): void {
    if (!gaveUp) this.#judgeNesting(checkout, now)
    if ((checkout.reported & bitOf(this.#exhausted.kind)) !== 0) return
    const { pool } = checkout
    const occupation = () => ({
      gauge: pool.gauge(),
      held: pool.out.size,
      passing: pool.passingQueries().length,
    })
    const hint = this.#exhausted.judge({ checkout, gaveUp, occupation }, now)
    if (hint !== undefined)
      this.#report(this.#exhausted, checkout, hint, { holders: this.#ledger.holders(pool) })
  }

  #judgeNesting(waiter: Checkout, now: number): void {
    const { pool, scope } = waiter
    if (scope === undefined || (waiter.reported & bitOf(nestedAcquire.kind)) !== 0) return
    const holdings = [...pool.out].filter((holder) => holder.scope?.encloses(scope))
    const hint = nestedAcquire.judge({ waiter, holdings }, now)
    if (hint === undefined) return
    this.#report(nestedAcquire, waiter, hint, { holders: this.#ledger.holdersAmong(holdings) })
  }

  /**
   * One finding for the whole pool, which names all holders. It is opened for the last of those who keep a holder
   * waiting: others may have queued up behind them, and rejecting one of these would help nobody.
   */
  #judgeDeadlock(pool: CheckoutPool, now: number): void {
    const waiters = [...pool.waiters]
    if (waiters.some(({ reported }) => (reported & bitOf(poolDeadlock.kind)) !== 0)) return
    const hint = poolDeadlock.judge(pool, now)
    if (hint === undefined) return
    const out = [...pool.out]
    const newest = waiters.findLast(({ scope }) => out.some((holder) => holder.scope?.encloses(scope)))
    if (newest === undefined) return
    const holders = this.#ledger.holders(pool)
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

  #judgeWork(release: Release): Verdict {
    const busy = busyRelease.judge(release, 0)
    if (busy !== undefined) return this.#judgeRelease(busyRelease, release, busy)
    const dirty = dirtyRelease.judge(release, 0)
    if (dirty !== undefined) return this.#judgeRelease(dirtyRelease, release, dirty)
    return 'proceed'
  }

  /** Something that an owner does after the end of its checkout. */
  #reportLateAct<Subject>(rule: Rule<Subject>, checkout: Checkout, hint: string): FindingRecord | undefined {
    const eventOrigin = originOf(captureStack())
    const record = this.#enforcer.open(rule, checkout, hint, { momentary: true, eventOrigin })
    if (record === undefined) return undefined
    if (record.evidence.remedy === 'refuse') record.remedied('refused', undefined)
    this.#announcer.finding(record)
    return record
  }

  async #judgeWhenSettled(release: Release): Promise<'proceed' | 'destroyed'> {
    const { control } = release
    await within(this.#settings.clock, settleMillis, control.whenReady()).catch(() => {})
    return this.releasing({
      ...release,
      settled: true,
      work: control.work(),
      transaction: control.transaction,
    })
  }

  #judgeRelease(rule: Rule<Release>, release: Release, hint: string): Verdict {
    const { checkout, control } = release
    const record = this.#enforcer.open(rule, checkout, hint)
    if (record === undefined) return 'proceed'
    const remedy = this.#enforcer.apply(record, control, false)
    this.#announcer.finding(record, remedy)
    if (remedy === undefined) return 'proceed'
    return remedy.then(() => {
      if (checkout.phase === 'destroyed') return 'destroyed'
      this.#ledger.resolve(checkout, (kind) => kind === rule.kind, rolledBackInTime)
      return 'proceed'
    })
  }

  #report<Subject>(rule: Rule<Subject>, checkout: Checkout, hint: string, more?: More): void {
    const record = this.#enforcer.open(rule, checkout, hint, more)
    if (record === undefined) return
    const { control } = checkout
    this.#announcer.finding(
      record,
      control === undefined ? undefined : this.#enforcer.apply(record, control, true),
    )
  }
}

const rolledBackInTime = { what: 'rolled back before the next owner could use it' }

/** Kinds that an exemption spares. */
const spared: ReadonlySet<FindingKind> = new Set([
  'idle-transaction',
  'long-transaction',
  'long-hold',
  'outlived-scope',
])

/** A rule that is switched off does not exist. */
function timed(
  limitMillis: number | false,
  rule: (limitMillis: number) => Rule<Checkout>,
  exempts: boolean,
): TimedRule[] {
  if (limitMillis === false) return []
  const made = rule(limitMillis)
  return [{ rule: made, bit: bitOf(made.kind), exempts }]
}
