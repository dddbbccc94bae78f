import type { CheckoutEvents, Verdict } from '../core/checkout-events.ts'
import type { ClientControl } from '../core/client-control.ts'
import type { Release, Rule } from '../core/findings/rule.ts'
import type { Ledger } from '../core/ledger.ts'
import { within } from '../core/time/within.ts'
import type { Settings } from '../options.ts'
import { rollBackFirst } from '../remedies/rollback.ts'
import { busyRelease } from '../rules/busy-release.ts'
import { dirtyRelease } from '../rules/dirty-release.ts'
import type { Announcer } from './announcer.ts'
import type { Enforcer } from './enforcer.ts'
import type { SessionStateJudge } from './session-state-judge.ts'

/** The time limit for the ReadyForQuery that follows the error of a failed statement. */
const settleMillis = 2000

const rolledBackInTime = { what: 'rolled back before the next owner could use it' }

/** Judges how clients are released. */
export class ReleaseJudge implements Pick<CheckoutEvents, 'holdsReleases' | 'releasing' | 'releasedAs'> {
  readonly #settings: Settings
  readonly #ledger: Ledger
  readonly #announcer: Announcer
  readonly #enforcer: Enforcer
  readonly #state: SessionStateJudge

  constructor(
    settings: Settings,
    ledger: Ledger,
    announcer: Announcer,
    enforcer: Enforcer,
    state: SessionStateJudge,
  ) {
    this.#settings = settings
    this.#ledger = ledger
    this.#announcer = announcer
    this.#enforcer = enforcer
    this.#state = state
  }

  holdsReleases(control: ClientControl, pipelined: boolean): boolean {
    const remedy = this.#settings.remedies['dirty-release']
    return remedy === 'destroy' || (remedy === 'rollback' && pipelined) || this.#state.inspects(control)
  }

  releasing(release: Release): Verdict {
    if (!release.settled) return this.#enforcer.follow(this.#judgeWhenSettled(release))
    const verdict = this.#judgeWork(release)
    if (verdict === 'proceed') return this.#state.leaving(release)
    return verdict.then((then) => (then === 'proceed' ? this.#state.leaving(release) : then))
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
      this.#ledger.findings.resolve(checkout, (kind) => kind === 'dirty-release', rolledBackInTime),
    )
    return 'remedied'
  }

  #judgeWork(release: Release): Verdict {
    const busy = busyRelease.judge(release, 0)
    if (busy !== undefined) return this.#judgeRelease(busyRelease, release, busy)
    const dirty = dirtyRelease.judge(release, 0)
    if (dirty !== undefined) return this.#judgeRelease(dirtyRelease, release, dirty)
    return 'proceed'
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
      this.#ledger.findings.resolve(checkout, (kind) => kind === rule.kind, rolledBackInTime)
      return 'proceed'
    })
  }
}
