import { inspect } from 'node:util'
import type { Finding } from '../core/findings/finding.ts'
import type { FindingRecord } from '../core/findings/finding-record.ts'
import { ReportLimit } from '../core/findings/report-limit.ts'
import type { Reporter } from '../core/findings/reporter.ts'
import type { Statistics } from '../core/statistics/statistics.ts'
import { type Clock, systemClock } from '../core/time/clock.ts'
import { OptionError } from '../errors.ts'

export type EventName = 'finding' | 'remedied' | 'resolved'
type Listener = (finding: Finding) => unknown

/** Passes findings to listeners and reporters. An error in one does not stop the others, the sweep or the application. */
export class Announcer {
  #reporters: readonly Reporter[]
  readonly #listeners: Readonly<Record<EventName, Set<Listener>>> = {
    finding: new Set(),
    remedied: new Set(),
    resolved: new Set(),
  }
  /** Findings whose report waits for a remedy. */
  readonly #unannounced = new Set<FindingRecord>()

  readonly #limit: ReportLimit

  constructor(
    reporters: readonly Reporter[],
    reportsPerMinute: number | false = false,
    clock: Clock = systemClock,
  ) {
    this.#reporters = reporters
    this.#limit = new ReportLimit(reportsPerMinute, clock, (message) => this.info(message))
  }

  /** Reports the count of the findings that were not reported. */
  close(): void {
    this.#limit.reportSuppressed()
  }

  on(event: EventName, listener: Listener): () => void {
    if (!Object.hasOwn(this.#listeners, event)) {
      throw new OptionError('on(event)', `must be 'finding', 'remedied' or 'resolved'`, event)
    }
    if (typeof listener !== 'function')
      throw new OptionError('on(event, listener)', 'must be a function', listener)
    const listeners = this.#listeners[event]
    listeners.add(listener)
    return () => listeners.delete(listener)
  }

  /** Adds a reporter. Returns a function that removes it. */
  addReporter(reporter: Reporter): () => void {
    this.#reporters = [...this.#reporters, reporter]
    return () => {
      this.#reporters = this.#reporters.filter((other) => other !== reporter)
    }
  }

  /** Announces a finding; if a remedy is running, when it has finished, together with its outcome. */
  finding(record: FindingRecord, remedy?: Promise<unknown>): void {
    if (remedy === undefined) {
      this.#emit('finding', record.data())
      return
    }
    const announce = () => {
      if (this.#unannounced.delete(record)) this.#emit('finding', record.data())
      // If it was announced early because it resolved, there is nothing to add.
      else if (!record.resolved) this.#emit('remedied', record.data())
    }
    this.#unannounced.add(record)
    void remedy.then(announce)
  }

  /** Announces that a remedy acted on a finding that was reported before. */
  remedied(record: FindingRecord): void {
    this.#emit('remedied', record.data())
  }

  resolved(record: FindingRecord): void {
    // It resolved before its remedy had finished; the finding itself comes first.
    if (this.#unannounced.delete(record)) this.#emit('finding', record.data())
    this.#emit('resolved', record.data())
  }

  info(message: string): void {
    for (const reporter of this.#reporters) this.#attempt(() => reporter.info?.(message))
  }

  statistics(statistics: Statistics): void {
    for (const reporter of this.#reporters) this.#attempt(() => reporter.statistics?.(statistics))
  }

  #emit(event: EventName, finding: Finding): void {
    const isAdmitted = this.#limit.admits(event, finding)
    for (const reporter of this.#reporters) {
      if (isAdmitted || reporter.everything === true) this.#attempt(() => reporter[event]?.(finding))
    }
    for (const listener of this.#listeners[event]) this.#attempt(() => listener(finding))
  }

  #attempt(call: () => unknown): void {
    try {
      const result = call()
      // An unhandled rejection of an async listener would end the process.
      if (result instanceof Promise) result.catch(warn)
    } catch (error) {
      warn(error)
    }
  }
}

function warn(error: unknown): void {
  const reason = inspect(error)
  process.emitWarning(`a reporter or listener failed: ${reason}`, {
    type: 'LifeguardWarning',
    code: 'LIFEGUARD_LISTENER',
  })
}
