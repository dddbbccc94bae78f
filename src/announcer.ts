import { inspect } from 'node:util'
import type { Clock } from './core/clock.ts'
import type { Finding } from './core/finding.ts'
import type { FindingRecord } from './core/finding-record.ts'
import type { Reporter } from './core/reporter.ts'

/** A report waits this long for its remedy, so that it can say what was done. ROLLBACK takes a tenth of it. */
const patienceMillis = 100

export type EventName = 'finding' | 'remedied' | 'resolved'
type Listener = (finding: Finding) => unknown

/** Tells listeners and reporters. None of them can stop the others, the sweep or the application. */
export class Announcer {
  readonly #clock: Clock
  readonly #reporters: readonly Reporter[]
  readonly #listeners: Readonly<Record<EventName, Set<Listener>>> = {
    finding: new Set(),
    remedied: new Set(),
    resolved: new Set(),
  }
  /** Findings whose report still waits for a remedy. */
  readonly #unannounced = new Map<FindingRecord, () => void>()

  constructor(clock: Clock, reporters: readonly Reporter[]) {
    this.#clock = clock
    this.#reporters = reporters
  }

  on(event: EventName, listener: Listener): () => void {
    const listeners = this.#listeners[event]
    if (listeners === undefined || typeof listener !== 'function') {
      throw new TypeError(
        `lifeguard.on expects 'finding', 'remedied' or 'resolved' and a function, got ${String(event)}`,
      )
    }
    listeners.add(listener)
    return () => listeners.delete(listener)
  }

  /** Reports a finding, with what `remedy` came to if that is known soon. */
  finding(record: FindingRecord, remedy?: Promise<unknown>): void {
    if (remedy === undefined) {
      this.#emit('finding', record.data())
      return
    }
    const announce = () => {
      this.#unannounced.delete(record)
      cancel()
      this.#emit('finding', record.data())
    }
    const cancel = this.#clock.schedule(announce, patienceMillis)
    this.#unannounced.set(record, announce)
    void remedy.then(() => {
      if (this.#unannounced.has(record)) announce()
      else this.#emit('remedied', record.data())
    })
  }

  /** A remedy acted on a finding that was reported before. */
  remedied(record: FindingRecord): void {
    this.#emit('remedied', record.data())
  }

  resolved(record: FindingRecord): void {
    this.#unannounced.get(record)?.()
    this.#emit('resolved', record.data())
  }

  info(message: string): void {
    for (const reporter of this.#reporters) this.#attempt(() => reporter.info?.(message))
  }

  #emit(event: EventName, finding: Finding): void {
    for (const reporter of this.#reporters) this.#attempt(() => reporter[event]?.(finding))
    for (const listener of this.#listeners[event]) this.#attempt(() => listener(finding))
  }

  #attempt(call: () => unknown): void {
    try {
      const result = call()
      // An async listener fails later; without this its rejection would end the process.
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
