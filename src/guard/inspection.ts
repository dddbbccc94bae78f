import type { Checkout, CheckoutPool } from '../core/checkout.ts'
import { type Finding, type FindingKind, isLeak, type Remedy } from '../core/findings/finding.ts'
import type { Ledger } from '../core/ledger.ts'
import { type CapturedStack, type Origin, originOf } from '../core/origin/origin.ts'
import { Scope, type ScopeOptions } from '../core/scope.ts'
import type { ScopeBook } from '../core/scope-books.ts'
import { settle } from '../core/time/settle.ts'
import { openCheckouts, servedMillis, takeBackAll } from './take-back.ts'

/** A pool that is or was watched. */
export interface InspectedPool {
  readonly name: string
  /** The line of the call of `watch`. */
  readonly origin?: Origin
  /** The number of clients that were checked out before `watch`, and cannot be seen. */
  readonly unseen: number
  /** `end()` was called. */
  readonly ending: boolean
  /** The number of open connections. */
  readonly connections: number
}

/** Finds the checkouts that one part of a program has left open. */
export interface Inspection {
  /** Whether a client is checked out or requested: it may still be released in time. */
  pending(): boolean
  /**
   * Reports all open checkouts as leaks, and takes their clients back, except those of spared findings.
   *
   * @returns the leaks, without the spared ones
   */
  conclude(isSpared: (finding: Finding) => boolean): Promise<Finding[]>
}

/** The inspection of a scope. */
export interface ScopeInspection extends Inspection {
  run<Result>(work: () => Result): Result
  /** Ends the scope; `pending` and `conclude` may be called after it. */
  end(how: string): void
}

/** The part of a lifeguard that leak checks use. */
export interface Inspector {
  openScope(options: ScopeOptions): ScopeInspection
  /**
   * From now on clients that are released dirty are cleaned before the next owner gets them, even in `observe`, so that
   * the next test does not inherit a transaction; and `pool.end()` does not wait for ever.
   */
  enforceCleanUp(): void
  /** Inspects all checkouts except those of scopes that are inspected by themselves. */
  everything(): Inspection
  /** Allows the caller's scope to leave checkouts open. Returns false outside any inspected scope. */
  allow(): boolean
  /** The last hundred pools that are or were watched. */
  pools(): readonly InspectedPool[]
  /** The number of clients that were checked out when the lifeguard was closed; undefined while it is open. */
  readonly outAtClose: number | undefined
}

/** The lifeguard reports its pools here, and passes `inspector` to leak checks. */
export interface InspectorSource {
  watched(pool: CheckoutPool, stack: CapturedStack): void
  closed(): void
  readonly inspector: Inspector
}

/** A limit of memory for programs that keep creating pools. */
const mostPools = 100

/** `remedies` are those of the lifeguard; a leak check changes them for good. */
export function createInspector(ledger: Ledger, remedies: Record<FindingKind, Remedy>): InspectorSource {
  const inspections = new Inspections(ledger)
  let pools: (WatchedPool | InspectedPool)[] = []
  let outAtClose: number | undefined

  /** What is known of a pool that has ended needs neither the pool nor the stack, which keeps a request in memory. */
  function withoutEnded(pool: WatchedPool | InspectedPool): WatchedPool | InspectedPool {
    if (!('record' in pool)) return pool
    const { record } = pool
    const hasEnded = record.endingSince !== undefined && !ledger.pools.has(record)
    return hasEnded && (record.gauge().total ?? 0) === 0 ? describePool(pool) : pool
  }

  const inspector: Inspector = {
    openScope: (options) => inspections.openScope(options),
    everything: () => inspections.everything(),
    allow: () => inspections.allow(),
    enforceCleanUp() {
      ledger.isInspected = true
      if (remedies['dirty-release'] === 'report') remedies['dirty-release'] = 'rollback'
      if (remedies['busy-release'] === 'report') remedies['busy-release'] = 'destroy'
      if (remedies['session-state'] === 'report') remedies['session-state'] = 'reset'
      if (remedies['blocked-shutdown'] === 'report') remedies['blocked-shutdown'] = 'destroy'
    },
    pools: () => pools.map((pool) => ('record' in pool ? describePool(pool) : pool)),
    get outAtClose() {
      return outAtClose
    },
  }

  return {
    watched(record, stack) {
      const { total = 0, idle = 0 } = record.gauge()
      pools = pools.slice(1 - mostPools).map(withoutEnded)
      pools.push({ record, stack, unseen: Math.max(0, total - idle) })
    },
    closed() {
      outAtClose = openCheckouts(ledger, ({ phase }) => phase === 'out').length
    },
    inspector,
  }
}

interface WatchedPool {
  readonly record: CheckoutPool
  readonly stack: CapturedStack
  readonly unseen: number
}

function describePool({ record, stack, unseen }: WatchedPool): InspectedPool {
  const origin = originOf(stack)
  return {
    name: record.name,
    ...(origin === undefined ? {} : { origin }),
    unseen,
    ending: record.endingSince !== undefined,
    connections: record.gauge().total ?? record.out.size,
  }
}

/** The inspections of one lifeguard. Each leak is reported by one of them. */
class Inspections {
  readonly #ledger: Ledger
  readonly #reported = new Set<string>()
  readonly #allowed = new WeakSet<ScopeBook>()

  constructor(ledger: Ledger) {
    this.#ledger = ledger
  }

  openScope(options: ScopeOptions): ScopeInspection {
    const ledger = this.#ledger
    const { scopeBooks, time } = ledger
    const scope = new Scope(options, ledger.currentScope())
    const scopeBook = scopeBooks.open(scope)
    const startedAt = time.now()

    /** True for checkouts of the scope, and of a finished scope outside it (a request), if no other test was running. */
    function belongs(checkout: Checkout): boolean {
      const owner = scopeBooks.bookOf(checkout.scope)
      if (owner !== undefined) return owner === scopeBook
      const isOver = checkout.scope?.endedAt !== undefined
      return isOver && checkout.requestedAt >= startedAt && scopeBooks.onlyRunning() === scopeBook
    }

    return {
      run: (work) => ledger.context.run(scope, work),
      end: (how) => scope.end(time.now(), how),
      pending: () => scopeBooks.isUnsettled(scopeBook) || openCheckouts(ledger, belongs).length > 0,
      conclude: (isSpared) => this.#concludeScope(scopeBook, belongs, isSpared),
    }
  }

  everything(): Inspection {
    const ledger = this.#ledger
    const belongs = (checkout: Checkout) => ledger.scopeBooks.bookOf(checkout.scope)?.closed !== false
    return {
      pending: () => openCheckouts(ledger, belongs).length > 0,
      conclude: async (isSpared) => {
        const left = await takeBackAll(ledger, belongs, isSpared)
        const made = ledger.findings
          .all()
          .filter((finding) => isLeak(finding) && !this.#reported.has(finding.id) && !isSpared(finding))
        const leaks = distinct([...left, ...made])
        this.#noteReported(leaks)
        return leaks
      },
    }
  }

  allow(): boolean {
    const scopeBook = this.#ledger.scopeBooks.bookOf(this.#ledger.currentScope())
    if (scopeBook === undefined || scopeBook.closed) return false
    this.#allowed.add(scopeBook)
    return true
  }

  async #concludeScope(
    scopeBook: ScopeBook,
    belongs: (checkout: Checkout) => boolean,
    isSpared: (finding: Finding) => boolean,
  ): Promise<Finding[]> {
    // A connection that is being opened is not a leak yet, but may become one.
    await settle(() => [...scopeBook.underWay].some(({ phase }) => phase === 'waiting'), servedMillis)
    const isAllowed = this.#allowed.has(scopeBook)
    const left = await takeBackAll(this.#ledger, belongs, isAllowed ? () => false : isSpared)
    this.#ledger.scopeBooks.close(scopeBook)
    const made = scopeBook.findings.map((record) => record.data())
    this.#noteReported([...made, ...left])
    const leaks = distinct([...made.filter((finding) => isLeak(finding) && !isSpared(finding)), ...left])
    return isAllowed ? [] : leaks
  }

  #noteReported(findings: readonly Finding[]): void {
    for (const { id } of findings) this.#reported.add(id)
  }
}

function distinct(findings: readonly Finding[]): Finding[] {
  return [...new Map(findings.map((finding) => [finding.id, finding])).values()]
}
