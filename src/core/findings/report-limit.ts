import type { Clock } from '../time/clock.ts'
import type { Finding, FindingKind } from './finding.ts'
import { isReported } from './repeats.ts'

const minute = 60_000
/** The number of unreported findings that are remembered. */
const mostRemembered = 1000

/** The reports of the current minute. */
interface Minute {
  until: number
  reported: number
}

/** One per clock: all lifeguards of a process share the system clock, and thus the limit. */
const minutes = new WeakMap<Clock, Minute>()

/** Limits the reports per minute; findings beyond the limit are only counted. */
export class ReportLimit {
  readonly #perMinute: number | false
  readonly #clock: Clock
  readonly #report: (message: string) => void
  readonly #suppressed = new Map<FindingKind, number>()
  readonly #ids = new Set<string>()
  #cancel: (() => void) | undefined

  constructor(perMinute: number | false, clock: Clock, report: (message: string) => void) {
    this.#perMinute = perMinute
    this.#clock = clock
    this.#report = report
  }

  /** True if reporters get this event. The resolution of a finding that they did not get is withheld, too. */
  admits(event: 'finding' | 'remedied' | 'resolved', finding: Finding): boolean {
    if (this.#perMinute === false) return true
    if (event !== 'finding') return !this.#ids.has(finding.id)
    // Reporters omit most repetitions themselves.
    if (!isReported(finding.occurrences)) return true
    const now = this.#clock.now()
    const current = this.#minute(now)
    current.reported += 1
    if (current.reported <= this.#perMinute) return true
    this.#suppress(finding, current.until - now)
    return false
  }

  /** Reports the number of findings that were withheld since the last such report. */
  reportSuppressed(): void {
    this.#cancel?.()
    this.#cancel = undefined
    if (this.#suppressed.size === 0) return
    const counts = [...this.#suppressed].map(([kind, count]) => `${count} ${kind}`)
    const total = [...this.#suppressed.values()].reduce((sum, count) => sum + count, 0)
    this.#suppressed.clear()
    const what = total === 1 ? '1 finding was' : `${total} findings were`
    this.#report(`${what} not reported, more than ${this.#perMinute} a minute: ${counts.join(', ')}`)
  }

  #suppress({ id, kind }: Finding, remainingMillis: number): void {
    this.#suppressed.set(kind, (this.#suppressed.get(kind) ?? 0) + 1)
    this.#ids.add(id)
    if (this.#ids.size > mostRemembered) this.#ids.delete(this.#ids.values().next().value as string)
    this.#cancel ??= this.#clock.schedule(() => this.reportSuppressed(), remainingMillis)
  }

  #minute(now: number): Minute {
    const known = minutes.get(this.#clock)
    if (known !== undefined && now < known.until) return known
    const made = { until: now + minute, reported: 0 }
    minutes.set(this.#clock, made)
    return made
  }
}
