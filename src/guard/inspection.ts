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
  /** Where `watch` was called. */
  readonly origin?: Origin
  /** Clients that were out already when the pool came under watch, and are not seen therefore. */
  readonly unseen: number
  /** `end()` was called. */
  readonly ending: boolean
  /** Connections that are open. */
  readonly connections: number
}

/** Finds out what a part of the program has left behind. */
export interface Inspection {
  /** Whether something is out, or on its way: it may still end well. */
  pending(): boolean
  /**
   * Anything left is a leak. Takes the clients of all but the spared ones back from their owners.
   *
   * @returns the leaks, without the spared ones
   */
  conclude(isSpared: (finding: Finding) => boolean): Promise<Finding[]>
}

/** The inspection of a scope. */
export interface ScopeInspection extends Inspection {
  run<Result>(work: () => Result): Result
  /** The work is over; `pending` and `conclude` may be asked now. */
  end(how: string): void
}

/** The side of a lifeguard that leak checks use. */
export interface Inspector {
  openScope(options: ScopeOptions): ScopeInspection
  /**
   * From now on a client that is released dirty is cleaned before anybody else gets it, also in `observe`, since the next
   * test must not inherit it; and `pool.end()` does not wait for ever.
   */
  enforceCleanUp(): void
  /** Everything but the scopes that are under inspection of their own. */
  everything(): Inspection
  /** The caller's scope leaves things behind on purpose. Returns false outside of any inspected scope. */
  allow(): boolean
  /** The pools that have been watched, also if they no longer are; the last hundred of them. */
  pools(): readonly InspectedPool[]
  /** How many clients were out when the lifeguard was closed; undefined while it is open. */
  readonly outAtClose: number | undefined
}

/** The lifeguard reports its pools here, and hands `inspector` to leak checks. */
export interface InspectorSource {
  watched(pool: CheckoutPool, stack: CapturedStack): void
  closed(): void
  readonly inspector: Inspector
}

/** A program that makes pools without end must not fill the memory with them. */
const mostPools = 100

/** `remedies`: those of the lifeguard, which a check changes for all that come after it. */
export function createInspector(ledger: Ledger, remedies: Record<FindingKind, Remedy>): InspectorSource {
  const inspections = new Inspections(ledger)
  const pools: WatchedPool[] = []
  let outAtClose: number | undefined

  const inspector: Inspector = {
    openScope: (options) => inspections.openScope(options),
    everything: () => inspections.everything(),
    allow: () => inspections.allow(),
    enforceCleanUp() {
      if (remedies['dirty-release'] === 'report') remedies['dirty-release'] = 'rollback'
      if (remedies['busy-release'] === 'report') remedies['busy-release'] = 'destroy'
      if (remedies['session-state'] === 'report') remedies['session-state'] = 'reset'
      if (remedies['blocked-shutdown'] === 'report') remedies['blocked-shutdown'] = 'destroy'
    },
    pools: () => pools.map(describePool),
    get outAtClose() {
      return outAtClose
    },
  }

  return {
    watched(record, stack) {
      const { total, idle } = record.gauge()
      pools.push({ record, stack, unseen: Math.max(0, total - idle) })
      if (pools.length > mostPools) pools.shift()
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
    connections: record.gauge().total,
  }
}

/** The inspections of one lifeguard: what one of them has reported, the next one does not. */
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

    /** Its own, and what a scope from elsewhere that is over (a request) has left while no other test ran. */
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
    // A connection that is still being made is no leak yet, and will not go away either.
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
