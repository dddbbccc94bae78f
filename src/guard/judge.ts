import type { Checkout, CheckoutPool } from '../core/checkout.ts'
import type { CheckoutEvents, Verdict } from '../core/checkout-events.ts'
import type { ClientControl } from '../core/client-control.ts'
import { isListening } from '../core/exemptions.ts'
import { bitOf, bitsOf, type FindingKind } from '../core/findings/finding.ts'
import type { EndedSession, Release, TimedRule } from '../core/findings/rule.ts'
import type { Ledger } from '../core/ledger.ts'
import { type CapturedStack, describeFrame, originOf } from '../core/origin/origin.ts'
import { excludeInBundle } from '../core/origin/own-code.ts'
import { describePool } from '../core/pool-record.ts'
import type { Settings } from '../options.ts'
import { blockedShutdown } from '../rules/blocked-shutdown.ts'
import { closedHold, closedMillis } from '../rules/closed-hold.ts'
import { idleTransaction } from '../rules/idle-transaction.ts'
import { longHold } from '../rules/long-hold.ts'
import { longTransaction } from '../rules/long-transaction.ts'
import { lostCommit } from '../rules/lost-commit.ts'
import { outlivedScope, outlivedStandby } from '../rules/outlived-scope.ts'
import { sessionKilled } from '../rules/session-killed.ts'
import type { Announcer } from './announcer.ts'
import type { Enforcer } from './enforcer.ts'
import { LateActJudge } from './late-act-judge.ts'
import { ReleaseJudge } from './release-judge.ts'
import { SessionStateJudge } from './session-state-judge.ts'
import { WaitJudge } from './wait-judge.ts'

interface Timed {
  readonly rule: TimedRule
  readonly bit: number
  /** Whether an exempted checkout is spared. */
  readonly exempts: boolean
  /** Whether its findings are suspected and have no remedy, so that a certain leak covers them. */
  readonly suspects: boolean
}

/** Calls the rules when their event arrives or the timer sweeps. */
export class Judge implements CheckoutEvents {
  readonly rejectsWaiters: boolean
  readonly sessionState: CheckoutEvents['sessionState']
  readonly #ledger: Ledger
  readonly #announcer: Announcer
  readonly #enforcer: Enforcer
  readonly #waits: WaitJudge
  readonly #releases: ReleaseJudge
  readonly #lateActs: LateActJudge
  readonly #state: SessionStateJudge
  readonly #timed: readonly Timed[]

  constructor(settings: Settings, ledger: Ledger, announcer: Announcer, enforcer: Enforcer) {
    const { limits } = settings
    this.#ledger = ledger
    this.#announcer = announcer
    this.#enforcer = enforcer
    this.#state = new SessionStateJudge(settings, ledger, announcer, enforcer)
    this.#waits = new WaitJudge(settings, ledger, announcer, enforcer)
    this.#releases = new ReleaseJudge(settings, ledger, announcer, enforcer, this.#state)
    this.#lateActs = new LateActJudge(settings, ledger, announcer, enforcer)
    this.rejectsWaiters = settings.remedies['pool-deadlock'] === 'reject'
    this.sessionState = this.#state.interest
    const { remedies } = settings
    this.#timed = [
      ...timed(limits.idleTransactionMillis, idleTransaction, true, remedies),
      ...timed(limits.transactionMillis, longTransaction, true, remedies),
      timedRule(closedHold(limits.holdMillis), false, remedies),
      ...timed(limits.holdMillis, longHold, true, remedies),
      ...timed(limits.scopeGraceMillis, outlivedScope, true, remedies),
      ...timed(limits.scopeGraceMillis, outlivedStandby, true, remedies),
      ...timed(limits.scopeGraceMillis, blockedShutdown, false, remedies),
    ]
  }

  /** Judges what is due, and all waiting callers. Yields before each pool and after each finding: it may be interrupted. */
  *sweep(): Generator<undefined> {
    const { time, pools } = this.#ledger
    for (const pool of pools) {
      yield
      // It may read stacks, of each of many pools.
      pool.sweep()
      let now = time.now()
      const { out } = pool
      out.beginRound()
      for (let checkout = out.nextDue(now); checkout !== undefined; checkout = out.nextDue(now)) {
        if (checkout.phase !== 'out' || !this.#judgeCheckout(checkout, now)) continue
        yield
        now = time.now()
      }
      yield* this.#waits.sweep(pool, time.now())
    }
  }

  exempt(checkout: Checkout, reason: string): void {
    checkout.exemption = reason
    this.#ledger.findings.resolve(checkout, (kind) => spared.has(kind), { what: `exempted: ${reason}` })
  }

  sentByListener({ name }: CheckoutPool, stack: CapturedStack): void {
    const origin = originOf(stack)
    const place = origin === undefined ? '' : ` at ${describeFrame(origin)}`
    this.#announcer.info(
      `${describePool(name)}: a listener of the pool's event connect or acquire sends statements${place}, and the pool does not wait for them, so they run while the client may have an owner: use the pool's option onConnect to set up sessions`,
    )
  }

  wentUnseen({ name }: CheckoutPool): void {
    this.#announcer.info(
      `${describePool(name)}: a client was checked out past lifeguard.watch, so its line is not known: call watch before other code takes pool.connect from the pool (with pool.connect.bind(pool), for example)`,
    )
  }

  ignoredRelease({ name }: CheckoutPool, library: string, method: string): void {
    this.#announcer.info(
      `${describePool(name)}: ${library} has released the client of ${method} a second time, while its next owner had it: pg-lifeguard has ignored this release, which would have given the client to two owners at once (a fault of ${library})`,
    )
  }

  arriving(control: ClientControl): Promise<void> | undefined {
    return this.#state.arriving(control)
  }

  acquireFailed(checkout: Checkout, error: unknown): void {
    this.#waits.acquireFailed(checkout, error)
  }

  timedOut(pool: CheckoutPool, error: Error): void {
    this.#waits.timedOut(pool, error)
  }

  holdsReleases(control: ClientControl, pipelined: boolean): boolean {
    return this.#releases.holdsReleases(control, pipelined)
  }

  releasing(release: Release): Verdict {
    return this.#releases.releasing(release)
  }

  releasedAs(release: Release): 'remedied' | 'left' {
    return this.#releases.releasedAs(release)
  }

  leavingState(checkout: Checkout, control: ClientControl): void {
    this.#state.report(checkout, control)
  }

  releasedAgain(checkout: Checkout, ownedByAnother: boolean): boolean {
    return this.#lateActs.releasedAgain(checkout, ownedByAnother)
  }

  usedAfterRelease(checkout: Checkout, sentFrom?: CapturedStack): Error | undefined {
    return this.#lateActs.usedAfterRelease(checkout, sentFrom)
  }

  releasedLate(checkout: Checkout): void {
    this.#ledger.releasedLate(checkout)
  }

  suffered(checkout: Checkout, aftermath: string | undefined): void {
    for (const record of this.#ledger.findings.of(checkout)) record.aftermath = aftermath
  }

  cleaned(checkout: Checkout, how: string, aftermath?: string): void {
    if (aftermath !== undefined) this.suffered(checkout, aftermath)
    this.#ledger.findings.resolve(checkout, () => true, { what: how })
  }

  transactionEnded(checkout: Checkout): void {
    // After a remedy's rollback nothing resolves until the owner has noticed it.
    if (this.#enforcer.hasTransactionOf(checkout)) return
    this.#ledger.findings.endTransaction(checkout, 'its transaction has ended')
  }

  commitAnswered(checkout: Checkout): void {
    const hint = lostCommit.judge(checkout, 0)
    if (hint !== undefined) this.#enforcer.report(lostCommit, checkout, hint)
  }

  sessionEnded(ended: EndedSession): void {
    const { checkout } = ended
    const hint = sessionKilled.judge(ended, 0)
    this.#ledger.findings.endTransaction(checkout, 'its session was ended by the server')
    if (hint === undefined) return
    checkout.sessionEnd ??= { at: this.#ledger.time.now(), how: hint, byOwner: false }
    this.#enforcer.report(sessionKilled, checkout, hint)
  }

  /** Returns whether a limit has passed: that takes longer than everything else. */
  #judgeCheckout(checkout: Checkout, now: number): boolean {
    if (checkout.control?.gone === true) this.#judgeEnd(checkout, now)
    // Before anything is reported: whatever follows from that may call for a sooner time.
    checkout.pool.out.setDue(checkout, this.#dueAt(checkout, now))
    const exempt = checkout.exemption !== undefined
    const certain = (checkout.reported & lasting) !== 0
    let hasPassed = false
    for (const { rule, bit, exempts, suspects } of this.#timed) {
      if ((checkout.reported & bit) !== 0 || (exempt && exempts) || (certain && suspects)) continue
      const hint = rule.judge(checkout, now)
      if (hint === undefined) continue
      hasPassed = true
      if (!(exempts && this.#isExempt(checkout, rule.kind))) this.#enforcer.report(rule, checkout, hint)
      if (checkout.phase !== 'out') return true
    }
    if (now < checkout.destroyAt) return hasPassed
    this.#enforcer.destroyAfterRollback(checkout)
    return true
  }

  /** The earliest time at which a rule can report the checkout, or a remedy is due. */
  #dueAt(checkout: Checkout, now: number): number {
    const { exemption, reported } = checkout
    const certain = (reported & lasting) !== 0
    let dueAt = checkout.destroyAt
    for (const { rule, bit, exempts, suspects } of this.#timed) {
      const isSpared = (exempts && exemption !== undefined) || (suspects && certain)
      if ((reported & bit) === 0 && !isSpared) dueAt = Math.min(dueAt, rule.dueAt(checkout, now))
    }
    // Sums are rounded.
    return dueAt - 1
  }

  /** Evaluated only for checkouts that have passed a limit, because it formats the stack. */
  #isExempt(checkout: Checkout, kind: FindingKind): boolean {
    if (kind === 'long-hold' && isListening(checkout)) return true
    return this.#ledger.exemptionOf(checkout) !== undefined
  }

  #judgeEnd(checkout: Checkout, now: number): void {
    // The driver reports a connection that was ended by anything else.
    checkout.sessionEnd ??= { at: now, how: 'client.end() was called', byOwner: true }
    const { at, byOwner } = checkout.sessionEnd
    if (!byOwner && now - at >= closedMillis) this.#enforcer.freeSlot(checkout)
  }
}

/** Kinds that do not apply to an exempted checkout. */
const spared: ReadonlySet<FindingKind> = new Set([
  'idle-transaction',
  'long-transaction',
  'long-hold',
  'outlived-scope',
])

/** Certain kinds that stay open until the release. */
const lasting = bitsOf(['outlived-scope', 'blocked-shutdown', 'session-killed'])

/** The rule, or nothing if its limit is off. */
function timed(
  limitMillis: number | false,
  rule: (limitMillis: number) => TimedRule,
  exempts: boolean,
  remedies: Settings['remedies'],
): Timed[] {
  return limitMillis === false ? [] : [timedRule(rule(limitMillis), exempts, remedies)]
}

function timedRule(rule: TimedRule, exempts: boolean, remedies: Settings['remedies']): Timed {
  const { kind, certainty, reportsOnly } = rule
  const suspects = certainty === 'suspected' && (reportsOnly === true || remedies[kind] === 'report')
  return { rule, bit: bitOf(kind), exempts, suspects }
}

excludeInBundle(Judge)
