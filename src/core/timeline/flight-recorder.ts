import type { Checkout, CheckoutPool } from '../checkout.ts'
import { deepFreeze } from '../freeze.ts'
import type { Ledger } from '../ledger.ts'
import type { Frame, Origin } from '../origin/origin.ts'
import type { ScopeData } from '../scope.ts'
import type { Meter } from '../statistics/meter.ts'
import type { FlightObserver } from './flight-observer.ts'
import { PoolFlights } from './pool-flights.ts'
import { Ring } from './ring.ts'
import type {
  Timeline,
  TimelineCheckout,
  TimelineFinding,
  TimelineLevel,
  TimelineLimits,
  TimelineTransaction,
} from './timeline.ts'

/** Shorter ones are sampled separately: in a picture of minutes they are hardly visible. */
const longMillis = 100
const leastTransactionMillis = 50
const mostTransactions = 100
const levelMillis = 1_000

/** A checkout that has ended, or a wait. */
type Flight = Omit<TimelineCheckout, 'findings'>

interface Recorded {
  readonly pool: PoolFlights
  readonly flight: Flight
}

/** The notes on a checkout that is out. */
interface Open {
  readonly pool: PoolFlights
  readonly slot: number
  transactions: TimelineTransaction[] | undefined
}

/** The checkouts of one pool in a recording. */
export interface PoolRecording {
  readonly name: string
  readonly max?: number
  readonly waitP95Millis?: number
  readonly omitted: number
  readonly levels: readonly TimelineLevel[]
  readonly ended: readonly Flight[]
  readonly open: readonly Flight[]
}

/**
 * Records the last minutes of each pool, bounded by time and number. Only what a picture can show is kept: every long
 * checkout and wait, and a sample of the short ones. Lines and scopes become plain data at the release, so that a
 * recording keeps no request in memory.
 */
export class FlightRecorder implements Meter, FlightObserver {
  readonly statements = false
  readonly #ledger: Ledger
  readonly #limits: TimelineLimits
  readonly #pools = new Map<CheckoutPool, PoolFlights>()
  readonly #flights: Ring<Recorded>
  readonly #open = new Map<Checkout, Open>()
  readonly #since: number

  constructor(ledger: Ledger, limits: TimelineLimits) {
    this.#ledger = ledger
    this.#limits = limits
    this.#flights = new Ring(limits.keepCheckouts)
    this.#since = ledger.clock.epochMillis()
  }

  connected(): void {}
  timedOut(): void {}

  acquired(pool: CheckoutPool, waitedMillis: number, checkout?: Checkout): void {
    const flights = this.#of(pool)
    flights.noteWait(waitedMillis)
    if (checkout === undefined) return
    this.#open.set(checkout, { pool: flights, slot: flights.take(), transactions: undefined })
  }

  released(pool: CheckoutPool, heldMillis: number, checkout?: Checkout): void {
    if (checkout === undefined) return
    const flights = this.#of(pool)
    const { acquiredAt, requestedAt } = checkout
    const now = acquiredAt + heldMillis
    const open = this.#note(checkout)
    this.#open.delete(checkout)
    flights.free(open.slot)
    const isLong = heldMillis >= longMillis || acquiredAt - requestedAt >= longMillis
    const isNamed = (isLong ? flights.long : flights.short).weigh(now) > 0
    if (!isLong && !isNamed) {
      flights.omitted += 1
      return
    }
    const { slot } = open
    const transactions = this.#transactionsOf(checkout, open, now)
    const flight = { ...this.#describe(checkout, isNamed), slot, transactions }
    this.#flights.push({ pool: flights, flight: { ...flight, endedAt: this.#epoch(now) } })
  }

  transactionEnded(checkout: Checkout, since: number, now: number): void {
    if (now - since < leastTransactionMillis) return
    const open = this.#note(checkout)
    open.transactions ??= []
    const { transactions } = open
    const startedAt = this.#epoch(Math.max(since, checkout.acquiredAt))
    if (transactions.length < mostTransactions) transactions.push({ startedAt, endedAt: this.#epoch(now) })
  }

  withdrawn(checkout: Checkout, resolution: string): void {
    const now = this.#ledger.time.now()
    const flights = this.#of(checkout.pool)
    if (!checkout.queued || now - checkout.requestedAt < longMillis) return
    const flight = this.#describe(checkout, flights.long.weigh(now) > 0)
    this.#flights.push({
      pool: flights,
      flight: { ...flight, endedAt: this.#epoch(now), ending: resolution, transactions: [] },
    })
  }

  /** Called once a second: notes how much of each pool is in use, and forgets what is too old. */
  tick(): void {
    const ledger = this.#ledger
    const at = this.#now()
    for (const pool of this.#pools.keys()) if (!ledger.pools.has(pool)) this.#pools.delete(pool)
    for (const pool of ledger.pools) {
      const { total, idle, waiting, max } = pool.gauge()
      const flights = this.#of(pool)
      flights.max = max
      const used = total === undefined || idle === undefined ? undefined : Math.max(0, total - idle)
      flights.levels.push({ at, out: pool.out.size, waiting, ...(used === undefined ? {} : { used }) })
    }
    for (const [checkout, { pool, slot }] of this.#open) {
      if (checkout.phase === 'out' || checkout.phase === 'returning') continue
      // Its pool is no longer watched.
      this.#open.delete(checkout)
      pool.free(slot)
    }
    const oldest = at - this.#limits.keepMillis
    this.#flights.dropWhile(({ flight }) => (flight.endedAt ?? at) < oldest)
  }

  /** The sequence number of the next checkout that ends. */
  get next(): number {
    return this.#flights.next
  }

  /** The recording, with the checkouts that have ended since this sequence number, and all that are out or wait. */
  read(sequence = 0): PoolRecording[] {
    const pools = new Map<PoolFlights, { ended: Flight[]; open: Flight[] }>()
    const partOf = (flights: PoolFlights) => {
      const known = pools.get(flights)
      if (known !== undefined) return known
      const part = { ended: [], open: [] }
      pools.set(flights, part)
      return part
    }
    for (const pool of this.#ledger.pools) {
      const { open } = partOf(this.#of(pool))
      for (const checkout of [...pool.out, ...pool.waiters]) open.push(this.#describeOpen(checkout))
    }
    for (const { pool, flight } of this.#flights.from(sequence)) partOf(pool).ended.push(flight)
    return [...pools].map(([{ name, max, waitP95Millis, omitted, levels }, { ended, open }]) => ({
      name,
      ...(max === undefined ? {} : { max }),
      ...(waitP95Millis === undefined ? {} : { waitP95Millis }),
      omitted,
      levels: levels.from(0),
      ended,
      open,
    }))
  }

  data(): Timeline {
    const findings = new Map<number, TimelineFinding[]>()
    for (const {
      checkout,
      id,
      kind,
      certainty,
      openedAt,
      resolvedAt,
      outcome,
    } of this.#ledger.findings.all()) {
      const mark: TimelineFinding = {
        ...{ id, kind, certainty, openedAt },
        ...(resolvedAt === undefined ? {} : { resolvedAt }),
        ...(outcome === undefined ? {} : { outcome }),
      }
      findings.set(checkout.id, [...(findings.get(checkout.id) ?? []), mark])
    }
    const marked = (flight: Flight) => ({ ...flight, findings: findings.get(flight.id) ?? [] })
    const takenAt = this.#now()
    return deepFreeze({
      takenAt,
      since: Math.max(this.#since, takenAt - this.#limits.keepMillis),
      pools: this.read().map(({ ended, open, ...pool }) => ({
        ...pool,
        checkouts: [...ended, ...open].map(marked),
      })),
    })
  }

  #of(pool: CheckoutPool): PoolFlights {
    const known = this.#pools.get(pool)
    if (known !== undefined) return known
    const flights = new PoolFlights(pool.name, Math.ceil(this.#limits.keepMillis / levelMillis))
    this.#pools.set(pool, flights)
    return flights
  }

  #note(checkout: Checkout): Open {
    const known = this.#open.get(checkout)
    if (known !== undefined) return known
    // It was out before the recording began, or came past the guard.
    const pool = this.#of(checkout.pool)
    const open: Open = { pool, slot: pool.takeNew(), transactions: undefined }
    this.#open.set(checkout, open)
    return open
  }

  #describeOpen(checkout: Checkout): Flight {
    if (checkout.phase === 'waiting') return { ...this.#describe(checkout, true), transactions: [] }
    const open = this.#note(checkout)
    const { slot } = open
    const transactions = this.#transactionsOf(checkout, open, undefined)
    return { ...this.#describe(checkout, true), slot, transactions }
  }

  #describe(checkout: Checkout, isNamed: boolean): Omit<Flight, 'transactions'> {
    const { id, pid, requestedAt, acquiredAt, phase, queued } = checkout
    const origin = isNamed ? checkout.origin : undefined
    const scope: ScopeData | undefined = isNamed ? checkout.scope?.data() : undefined
    return {
      id,
      ...(pid === undefined ? {} : { pid }),
      requestedAt: this.#epoch(requestedAt),
      queued,
      ...(phase === 'waiting' ? {} : { acquiredAt: this.#epoch(acquiredAt) }),
      ...(origin === undefined ? {} : { origin: frameOf(origin) }),
      ...(scope === undefined ? {} : { scope }),
    }
  }

  /** The transactions so far; one that is still open ends with the checkout. */
  #transactionsOf(
    { control, acquiredAt }: Checkout,
    open: Open | undefined,
    now: number | undefined,
  ): readonly TimelineTransaction[] {
    const ended = open?.transactions ?? []
    if (control === undefined || control.isObserved === true || control.transaction === 'idle')
      return [...ended]
    const startedAt = this.#epoch(Math.max(control.transactionSince, acquiredAt))
    return [...ended, { startedAt, ...(now === undefined ? {} : { endedAt: this.#epoch(now) }) }]
  }

  #epoch(reading: number): number {
    return this.#ledger.time.epochMillis(reading)
  }

  #now(): number {
    return Math.round(this.#ledger.clock.epochMillis())
  }
}

/** Without the callers, which would be most of the recording. */
function frameOf({ file, line, column, functionName }: Origin): Frame {
  return { file, line, column, ...(functionName === undefined ? {} : { functionName }) }
}
