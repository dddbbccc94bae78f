import type { Checkout, CheckoutPool } from '../core/checkout.ts'
import { type Finding, type FindingKind, isLeak, type Remedy } from '../core/findings/finding.ts'
import type { FindingRecord } from '../core/findings/finding-record.ts'
import type { Ledger } from '../core/ledger.ts'
import { type CapturedStack, type Origin, originOf } from '../core/origin/origin.ts'
import { Scope, type ScopeOptions } from '../core/scope.ts'
import type { ScopeBook } from '../core/scope-books.ts'
import { systemClock } from '../core/time/clock.ts'
import { settle } from '../core/time/settle.ts'
import { destroySession } from '../remedies/destroy.ts'
import { rollBack } from '../remedies/rollback.ts'
import { outlivedScope } from '../rules/outlived-scope.ts'

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

/** Asks what a part of the program has left behind. */
export interface Inspection {
  /** Whether something is out, or on its way: it may still end well. */
  pending(): boolean
  /**
   * What is left is a leak. Takes the sessions of all but the spared ones back from their owners.
   *
   * @returns the leaks, what was spared not among them
   */
  conclude(isSpared: (finding: Finding) => boolean): Promise<Finding[]>
}

/** The inspection of a scope. */
export interface ScopeInspection extends Inspection {
  run<Result>(work: () => Result): Result
  /** The work is over; `pending` and `conclude` may be asked now. */
  end(how: string): void
}

/** What a leak check needs of a lifeguard. */
export interface Inspector {
  openScope(options: ScopeOptions): ScopeInspection
  /**
   * From now on a client that is released dirty is cleaned before anybody else gets it, also in `observe`, since the next
   * test must not inherit it; and `pool.end()` does not wait for ever.
   */
  enforceCleanUp(): void
  /** Everything but the scopes that are under inspection of their own. */
  everything(): Inspection
  /** What the caller's scope leaves behind is on purpose. Returns false outside of any inspected scope. */
  allow(): boolean
  /** The pools that have been watched, also if they no longer are; the last hundred of them. */
  pools(): readonly InspectedPool[]
  /** How many sessions were out when the lifeguard was closed; undefined while it is open. */
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
/** Rounds of taking back: a caller that still waits gets the client that was taken from the one before. */
const mostRounds = 20
/** A connection that is not made by then may be made when it likes. */
const servedMillis = 1000

/** `remedies`: those of the lifeguard, which a check changes for all that come after it. */
export function createInspector(ledger: Ledger, remedies: Record<FindingKind, Remedy>): InspectorSource {
  const told = new Set<string>()
  const allowed = new WeakSet<ScopeBook>()
  const pools: { readonly record: CheckoutPool; readonly stack: CapturedStack; readonly unseen: number }[] =
    []
  const outlived = outlivedScope(0)
  let outAtClose: number | undefined

  function sessions(belongs: (checkout: Checkout) => boolean): Checkout[] {
    const found: Checkout[] = []
    for (const pool of ledger.pools) {
      for (const checkout of [...pool.out, ...pool.waiters]) {
        if (checkout.exemption === undefined && belongs(checkout)) found.push(checkout)
      }
    }
    return found
  }

  function recordOf(checkout: Checkout): FindingRecord | undefined {
    const { kind, certainty } = outlived
    const hint =
      outlived.judge(checkout, ledger.time.now()) ??
      'still checked out at the end: release was not reached, or nobody calls it'
    return (
      ledger.open({ kind, certainty, checkout, hint, remedy: 'destroy' }) ??
      ledger.openFindings(checkout).find(({ evidence }) => evidence.kind === kind)
    )
  }

  /** Ends the transaction before the connection, so that its locks are gone when the next test begins. */
  async function takeBack(checkout: Checkout, record: FindingRecord): Promise<void> {
    const { control } = checkout
    if (control === undefined || checkout.phase !== 'out') return
    const { reference } = record
    if (control.transaction !== 'idle') {
      await rollBack({ control, reference, clock: systemClock, completed: () => {} })
    }
    if (checkout.phase === 'out') await destroySession(control, reference, systemClock)
    record.remedied('destroyed', undefined)
  }

  async function concludeSessions(
    belongs: (checkout: Checkout) => boolean,
    isSpared: (finding: Finding) => boolean,
  ): Promise<Finding[]> {
    const leaks: FindingRecord[] = []
    const spared = new Set<Checkout>()
    for (let round = 0; round < mostRounds; round++) {
      const left = sessions(belongs).filter(({ phase }) => phase === 'out')
      const next = left.filter((checkout) => !spared.has(checkout))
      if (next.length === 0) break
      for (const checkout of next) {
        const record = recordOf(checkout)
        if (record === undefined || isSpared(record.data())) {
          spared.add(checkout)
          continue
        }
        leaks.push(record)
        await takeBack(checkout, record)
      }
      // Whoever waited for the slot gets it, if need be on a new connection.
      await settle(() => sessions(belongs).some(({ phase }) => phase === 'waiting'), servedMillis)
    }
    return leaks.map((record) => record.data())
  }

  function openScope(options: ScopeOptions): ScopeInspection {
    const scope = new Scope(options, ledger.currentScope())
    const book = ledger.scopeBooks.open(scope)
    const startedAt = ledger.time.now()

    /** Its own, and what a scope from elsewhere that is over (a request) has left while no other test ran. */
    function belongs(checkout: Checkout): boolean {
      const owner = ledger.scopeBooks.bookOf(checkout.scope)
      if (owner !== undefined) return owner === book
      const isOver = checkout.scope?.endedAt !== undefined
      return isOver && checkout.requestedAt >= startedAt && ledger.scopeBooks.onlyRunning() === book
    }

    return {
      run: (work) => ledger.context.run(scope, work),
      end: (how) => scope.end(ledger.time.now(), how),
      pending: () => ledger.scopeBooks.isUnsettled(book) || sessions(belongs).length > 0,
      async conclude(isSpared) {
        // Nobody can be accused of a connection that is still being made, and it will not go away either.
        await settle(() => [...book.underWay].some(({ phase }) => phase === 'waiting'), servedMillis)
        const isAllowed = allowed.has(book)
        const left = await concludeSessions(belongs, isAllowed ? () => false : isSpared)
        ledger.scopeBooks.close(book)
        const made = book.findings.map((record) => record.data())
        for (const { id } of [...made, ...left]) told.add(id)
        const leaks = distinct([...made.filter((finding) => isLeak(finding) && !isSpared(finding)), ...left])
        return isAllowed ? [] : leaks
      },
    }
  }

  function everything(): Inspection {
    const belongs = (checkout: Checkout) => ledger.scopeBooks.bookOf(checkout.scope)?.closed !== false
    return {
      pending: () => sessions(belongs).length > 0,
      async conclude(isSpared) {
        const left = await concludeSessions(belongs, isSpared)
        const made = ledger
          .findings()
          .filter((finding) => isLeak(finding) && !told.has(finding.id) && !isSpared(finding))
        const leaks = distinct([...left, ...made])
        for (const { id } of leaks) told.add(id)
        return leaks
      },
    }
  }

  const inspector: Inspector = {
    openScope,
    everything,
    enforceCleanUp() {
      if (remedies['dirty-release'] === 'report') remedies['dirty-release'] = 'rollback'
      if (remedies['busy-release'] === 'report') remedies['busy-release'] = 'destroy'
      if (remedies['session-state'] === 'report') remedies['session-state'] = 'reset'
      if (remedies['blocked-shutdown'] === 'report') remedies['blocked-shutdown'] = 'destroy'
    },
    allow() {
      const book = ledger.scopeBooks.bookOf(ledger.currentScope())
      if (book === undefined || book.closed) return false
      allowed.add(book)
      return true
    },
    pools: () =>
      pools.map(({ record, stack, unseen }) => {
        const origin = originOf(stack)
        return {
          name: record.name,
          ...(origin === undefined ? {} : { origin }),
          unseen,
          ending: record.endingSince !== undefined,
          connections: record.gauge().total,
        }
      }),
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
      outAtClose = sessions(() => true).filter(({ phase }) => phase === 'out').length
    },
    inspector,
  }
}

function distinct(findings: readonly Finding[]): Finding[] {
  return [...new Map(findings.map((finding) => [finding.id, finding])).values()]
}
