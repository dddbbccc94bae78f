import { asyncLocalStorageContext } from '../../src/context/async-local-storage.ts'
import type { Checkout } from '../../src/core/checkout.ts'
import { CheckoutList } from '../../src/core/checkout-list.ts'
import type { ClientControl, Work } from '../../src/core/client-control.ts'
import type { Finding, FindingKind } from '../../src/core/findings/finding.ts'
import type { FindingRecord } from '../../src/core/findings/finding-record.ts'
import { Ledger } from '../../src/core/ledger.ts'
import type { Scope } from '../../src/core/scope.ts'
import { ActiveTime } from '../../src/core/time/active-time.ts'
import { type ManualClock, manualClock } from '../../src/core/time/clock.ts'
import type { TransactionStatus } from '../../src/core/transaction.ts'
import type { QueryTextMode } from '../../src/sql/redaction.ts'

type Pool = Checkout['pool']

/** How a client pretends to be; nothing here speaks to a server. */
export interface Posture {
  pid?: number
  transaction?: TransactionStatus
  transactionSince?: number
  transactionStack?: { stack: string }
  work?: Work
  scope?: Scope
}

/** One line of source, or several, the innermost first. */
type Places = string | string[]

export interface PretendedPool {
  readonly clock: ManualClock
  readonly time: ActiveTime
  readonly ledger: Ledger
  readonly pool: Pool
  /** Findings as they were when they resolved. */
  readonly resolved: Finding[]
  /** How often somebody asked for a client. */
  requests(): number
  /** Somebody waits for a client. */
  wait(place?: Places, scope?: Scope): Checkout
  /** Somebody gets a client at once. */
  checkOut(place?: Places, posture?: Posture): Checkout
  open(checkout: Checkout, kind?: FindingKind, momentary?: boolean): FindingRecord | undefined
}

/**
 * A pool in a real ledger, with clients that only pretend.
 *
 * @param onResolved what a listener does when a finding resolves
 */
export function pretendedPool(
  queryText: QueryTextMode = 'redacted',
  onResolved: (record: FindingRecord) => void = () => {},
): PretendedPool {
  const clock = manualClock()
  const time = new ActiveTime(clock, 200)
  const resolved: Finding[] = []
  let requests = 0
  const ledger = new Ledger(clock, time, asyncLocalStorageContext(), queryText, {
    requested: () => {
      requests += 1
    },
    resolved: (record) => {
      resolved.push(record.data())
      onResolved(record)
    },
  })
  const pool: Pool = {
    name: 'main',
    out: new CheckoutList(),
    waiters: new Set(),
    endingSince: undefined,
    gauge: () => ({ total: 10, idle: 0, waiting: pool.waiters.size, max: 10 }),
    sweep: () => {},
    passingQueries: () => [],
    unseen: () => 0,
  }
  ledger.pools.add(pool)

  return {
    clock,
    time,
    ledger,
    pool,
    resolved,
    requests: () => requests,
    wait: (place, scope) => ledger.request(pool, 'connect', true, stackAt(place), scope),
    checkOut(place, posture = {}) {
      const checkout = ledger.request(pool, 'connect', false, stackAt(place), posture.scope)
      ledger.acquired(checkout, pretend(posture))
      return checkout
    },
    open: (checkout, kind = 'long-hold', momentary = false) =>
      ledger.findings.open({
        kind,
        certainty: 'suspected',
        checkout,
        hint: `a hint for ${kind}`,
        remedy: 'report',
        momentary,
      }),
  }
}

/** A captured stack with these lines, such as `/app/users.ts:12:3`, the innermost first. */
export function stackAt(places: Places | undefined): { stack: string } | undefined {
  if (places === undefined) return undefined
  return { stack: ['Error', ...[places].flat().map((place) => `    at load (${place})`)].join('\n') }
}

function pretend(posture: Posture): ClientControl {
  const never = (): never => {
    throw new Error('a pretended client was touched')
  }
  return {
    pid: posture.pid,
    transaction: posture.transaction ?? 'idle',
    transactionSince: posture.transactionSince ?? 0,
    transactionStack: posture.transactionStack,
    changes: undefined,
    contents: undefined,
    setUpByHost: false,
    inherited: false,
    gone: false,
    work: () => posture.work ?? 'none',
    isReady: () => true,
    whenReady: never,
    read: never,
    run: never,
    runFirst: never,
    cancel: never,
    fence: never,
    lowerFence: never,
    hasFailedAtFence: false,
    destroy: never,
  }
}
