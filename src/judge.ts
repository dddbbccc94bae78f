import type { Announcer } from './announcer.ts'
import type { Checkout } from './core/checkout.ts'
import type { ClientControl } from './core/client-control.ts'
import { describeMillis } from './core/duration.ts'
import { nameHolders } from './core/exhaustion.ts'
import { type FindingKind, findingKinds } from './core/finding.ts'
import type { FindingEvidence, FindingRecord } from './core/finding-record.ts'
import type { Ledger } from './core/ledger.ts'
import type { Observer, Verdict } from './core/observer.ts'
import { captureStack, originOf } from './core/origin.ts'
import type { EndedSession, Release, Rule, Wait } from './core/rule.ts'
import type { Settings } from './options.ts'
import { destroySession } from './remedies/destroy.ts'
import { type RemedyResult, rollBack, rollBackFirst } from './remedies/rollback.ts'
import { within } from './remedies/within.ts'
import { blockedShutdown } from './rules/blocked-shutdown.ts'
import { busyRelease } from './rules/busy-release.ts'
import { dirtyRelease } from './rules/dirty-release.ts'
import { doubleRelease } from './rules/double-release.ts'
import { idleTransaction } from './rules/idle-transaction.ts'
import { longHold } from './rules/long-hold.ts'
import { longTransaction } from './rules/long-transaction.ts'
import { lostCommit } from './rules/lost-commit.ts'
import { poolExhausted } from './rules/pool-exhausted.ts'
import { sessionKilled } from './rules/session-killed.ts'

/** A failed statement's ReadyForQuery follows its error at once; a release does not wait longer for it. */
const settleMillis = 2000

type More = Omit<FindingEvidence, 'kind' | 'certainty' | 'checkout' | 'hint' | 'remedy'>

interface TimedRule {
  readonly rule: Rule<Checkout>
  readonly bit: number
  /** Whether an exempted checkout is spared. */
  readonly exempts: boolean
}

/** Brings together what happened, the rules that judge it and the remedies that follow. */
export class Judge implements Observer {
  readonly #settings: Settings
  readonly #ledger: Ledger
  readonly #announcer: Announcer
  readonly #timed: readonly TimedRule[]
  readonly #exhausted: Rule<Wait>
  readonly #underWay = new Set<Promise<unknown>>()
  /** Checkouts whose transaction a remedy is about to end. */
  readonly #remedied = new Set<Checkout>()

  constructor(settings: Settings, ledger: Ledger, announcer: Announcer) {
    const { limits } = settings
    this.#settings = settings
    this.#ledger = ledger
    this.#announcer = announcer
    this.#exhausted = poolExhausted(limits.acquireWaitMillis)
    this.#timed = [
      ...timed(limits.idleTransactionMillis, idleTransaction, true),
      ...timed(limits.transactionMillis, longTransaction, true),
      ...timed(limits.holdMillis, longHold, true),
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
    }
  }

  /** Resolves when no remedy is under way. */
  async settled(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay)
  }

  exempt(checkout: Checkout, reason: string): void {
    checkout.exemption = reason
    this.#ledger.resolve(checkout, (kind) => spared.has(kind), { what: `exempted: ${reason}` })
  }

  releasing(release: Release): Verdict {
    if (!release.settled) return this.#follow(this.#judgeWhenSettled(release))
    const busy = busyRelease.judge(release, 0)
    if (busy !== undefined) return this.#judgeRelease(busyRelease, release, busy)
    const dirty = dirtyRelease.judge(release, 0)
    if (dirty !== undefined) return this.#judgeRelease(dirtyRelease, release, dirty)
    return 'proceed'
  }

  holdsReleases(pipelined: boolean): boolean {
    const remedy = this.#settings.remedies['dirty-release']
    return remedy === 'destroy' || (remedy === 'rollback' && pipelined)
  }

  releasedAs(release: Release): 'remedied' | 'left' {
    const { checkout, control } = release
    const hint = dirtyRelease.judge(release, 0)
    const record = hint === undefined ? undefined : this.#open(dirtyRelease, checkout, hint)
    if (record === undefined) return 'left'
    if (record.evidence.remedy !== 'rollback') {
      this.#announcer.finding(record)
      return 'left'
    }
    const rollback = this.#follow(
      rollBackFirst(control).then(({ outcome, detail }) => record.remedied(outcome, detail)),
    )
    this.#announcer.finding(record, rollback)
    void rollback.then(() =>
      this.#ledger.resolve(checkout, (kind) => kind === 'dirty-release', rolledBackInTime),
    )
    return 'remedied'
  }

  releasedAgain(checkout: Checkout): void {
    const hint = doubleRelease.judge(checkout, 0)
    if (hint === undefined) return
    const record = this.#open(doubleRelease, checkout, hint, {
      momentary: true,
      eventOrigin: originOf(captureStack()),
    })
    if (record === undefined) return
    if (record.evidence.remedy === 'refuse') record.remedied('refused', undefined)
    this.#announcer.finding(record)
  }

  releasedLate(checkout: Checkout): void {
    this.#ledger.releasedLate(checkout)
  }

  cleaned(checkout: Checkout, how: string): void {
    this.#ledger.resolve(checkout, () => true, { what: how })
  }

  transactionEnded(checkout: Checkout): void {
    // After a rollback of ours the owner still has to learn of it; until then nothing is resolved.
    if (this.#remedied.has(checkout) || checkout.destroyAt !== Number.POSITIVE_INFINITY) return
    this.#endTransactionFindings(checkout, 'its transaction has ended')
  }

  commitAnswered(checkout: Checkout): void {
    const hint = lostCommit.judge(checkout, 0)
    if (hint !== undefined) this.#report(lostCommit, checkout, hint)
  }

  sessionEnded(ended: EndedSession): void {
    const { checkout } = ended
    const hint = sessionKilled.judge(ended, 0)
    if (hint !== undefined) this.#report(sessionKilled, checkout, hint)
    this.#endTransactionFindings(checkout, 'its session was ended by the server')
  }

  acquireFailed(checkout: Checkout, error: unknown): void {
    if (!(error instanceof Error) || !/timeout exceeded when trying to connect/i.test(error.message)) return
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
    if (now >= checkout.destroyAt) this.#destroyAfterRollback(checkout)
  }

  #judgeWait(checkout: Checkout, now: number, gaveUp: boolean): void {
    if ((checkout.reported & bitOf(this.#exhausted)) !== 0) return
    const { pool } = checkout
    const occupation = () => ({
      gauge: pool.gauge(),
      held: pool.out.size,
      passing: pool.passingQueries().length,
    })
    const hint = this.#exhausted.judge({ checkout, gaveUp, occupation }, now)
    if (hint !== undefined)
      this.#report(this.#exhausted, checkout, hint, () => ({ holders: this.#ledger.holders(pool) }))
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
    const record = this.#open(rule, checkout, hint)
    if (record === undefined) return 'proceed'
    const remedy = this.#apply(record, control, false)
    this.#announcer.finding(record, remedy)
    if (remedy === undefined) return 'proceed'
    return remedy.then(() => {
      if (checkout.phase === 'destroyed') return 'destroyed'
      this.#ledger.resolve(checkout, (kind) => kind === rule.kind, rolledBackInTime)
      return 'proceed'
    })
  }

  #report<Subject>(rule: Rule<Subject>, checkout: Checkout, hint: string, more?: () => More): void {
    const record = this.#open(rule, checkout, hint, more)
    if (record === undefined) return
    const { control } = checkout
    this.#announcer.finding(record, control === undefined ? undefined : this.#apply(record, control, true))
  }

  #open<Subject>(
    rule: Rule<Subject>,
    checkout: Checkout,
    hint: string,
    more: More | (() => More) = {},
  ): FindingRecord | undefined {
    const { kind, certainty } = rule
    const remedy = this.#settings.remedies[kind]
    return this.#ledger.open({
      kind,
      certainty,
      checkout,
      hint,
      remedy,
      ...(typeof more === 'function' ? more() : more),
    })
  }

  /** Starts the remedy of a finding, if it has one that touches the client. */
  #apply(record: FindingRecord, control: ClientControl, ownerHolds: boolean): Promise<void> | undefined {
    switch (record.evidence.remedy) {
      case 'rollback':
        return control.transaction === 'idle' ? undefined : this.#rollBack(record, control, ownerHolds)
      case 'destroy':
        return this.#destroy(record, control)
      default:
        return undefined
    }
  }

  #rollBack(record: FindingRecord, control: ClientControl, ownerHolds: boolean): Promise<void> {
    const { checkout } = record.evidence
    this.#remedied.add(checkout)
    const completed = ({ outcome, detail }: RemedyResult) => {
      this.#remedied.delete(checkout)
      record.remedied(outcome, detail)
      const { idleTransactionMillis } = this.#settings.limits
      if (
        ownerHolds &&
        outcome === 'rolled-back' &&
        checkout.phase === 'out' &&
        idleTransactionMillis !== false
      ) {
        checkout.destroyAt = this.#ledger.time.now() + idleTransactionMillis
      }
    }
    const lifted = () => {
      checkout.destroyAt = Number.POSITIVE_INFINITY
      this.#endTransactionFindings(checkout, 'its owner sent ROLLBACK')
    }
    return this.#follow(
      rollBack({
        control,
        reference: record.reference,
        clock: this.#settings.clock,
        completed,
        lifted: ownerHolds ? lifted : undefined,
      }),
    )
  }

  /** What was found of a transaction is over with it; the next one of this checkout is judged anew. */
  #endTransactionFindings(checkout: Checkout, what: string): void {
    this.#ledger.resolve(checkout, (kind) => ofTransaction.has(kind), { what })
    checkout.reported &= ~bitsOfTransaction
  }

  #destroy(record: FindingRecord, control: ClientControl, detail?: string): Promise<void> {
    const destroyed = destroySession(control, record.reference, this.#settings.clock)
    return this.#follow(destroyed.then(() => record.remedied('destroyed', detail)))
  }

  /** The owner has neither released nor sent ROLLBACK for a whole limit after its transaction was taken away. */
  #destroyAfterRollback(checkout: Checkout): void {
    checkout.destroyAt = Number.POSITIVE_INFINITY
    const record = this.#ledger.openFindings(checkout).find(({ evidence }) => evidence.remedy === 'rollback')
    const { control } = checkout
    if (record === undefined || control === undefined) return
    const limit = describeMillis(this.#settings.limits.idleTransactionMillis || 0)
    const detail = `still held ${limit} after the rollback`
    void this.#destroy(record, control, detail).then(() => this.#announcer.remedied(record))
  }

  #follow<T>(work: Promise<T>): Promise<T> {
    this.#underWay.add(work)
    const done = () => this.#underWay.delete(work)
    work.then(done, done)
    return work
  }
}

const rolledBackInTime = { what: 'rolled back before the next owner could use it' }

/** Kinds that an exemption spares. */
const spared: ReadonlySet<FindingKind> = new Set(['idle-transaction', 'long-transaction', 'long-hold'])

/** Kinds that rest on an open transaction. */
const ofTransaction: ReadonlySet<FindingKind> = new Set(['idle-transaction', 'long-transaction'])

const bitsOfTransaction = [...ofTransaction].reduce((bits, kind) => bits | bitOf({ kind }), 0)

/** A rule that is switched off does not exist. */
function timed(
  limitMillis: number | false,
  rule: (limitMillis: number) => Rule<Checkout>,
  exempts: boolean,
): TimedRule[] {
  if (limitMillis === false) return []
  const made = rule(limitMillis)
  return [{ rule: made, bit: bitOf(made), exempts }]
}

function bitOf({ kind }: Pick<Rule<never>, 'kind'>): number {
  return 1 << findingKinds.indexOf(kind)
}
