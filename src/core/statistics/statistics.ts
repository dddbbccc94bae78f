import type { Checkout, CheckoutPool } from '../checkout.ts'
import { deepFreeze } from '../freeze.ts'
import { describeFrame, type Frame } from '../origin/origin.ts'
import { HoldSketch } from './hold-sketch.ts'
import type { Meter } from './meter.ts'
import { demandOn } from './pool-figures.ts'
import { Sampler } from './sampler.ts'

/** A limit of memory: further pools are counted together. */
const mostPools = 50
const mostRows = 200
/** Longer holds are sampled separately, because short ones would crowd them out. */
const longMillis = 100
/** The minimum number of checkouts for a recommendation. */
const enough = 100
const lowestLimitMillis = 1_000

/** Durations of checkouts, in milliseconds of active time. The error of the quantiles is at most 5 %. */
export interface HoldStatistics {
  readonly checkouts: number
  /** The total time of all checkouts. */
  readonly heldMillis: number
  /** The time in it that statements were running. */
  readonly busyMillis: number
  /** `busyMillis / heldMillis`, 0 to 1. */
  readonly busyShare: number
  /** The time that transactions were open while no statement was running. */
  readonly outsideMillis: number
  readonly p50Millis: number
  readonly p95Millis: number
  readonly p99Millis: number
  readonly maxMillis: number
}

/** Limits that most checkouts stay below: three times the 99th percentile. Absent below 100 checkouts. */
export interface RecommendedLimits {
  readonly holdMillis?: number
  /** From the time that transactions were open while no statement was running. */
  readonly idleTransactionMillis?: number
}

/** The durations of one pool; every checkout is counted. */
export interface PoolStatistics extends HoldStatistics {
  readonly pool: string
  readonly recommended: RecommendedLimits & {
    /**
     * The size of the pool with which 99 of 100 callers would not have waited: the 99th percentile of the clients that
     * were in use or waited for when a client was handed out.
     */
    readonly max?: number
  }
}

/** The durations of one line of source. Without an `origin`: all lines that are unknown or beyond the limit of rows. */
export interface OriginStatistics extends HoldStatistics {
  readonly pool: string
  readonly origin?: Frame
}

/** The durations of one scope name. Without a `scope`: all outside any scope or beyond the limit of rows. */
export interface ScopeStatistics extends HoldStatistics {
  readonly pool: string
  readonly scope?: { readonly kind: string; readonly name: string }
  /** The limits that fit this route or job alone, to see which ones need the limits of their pool. */
  readonly recommended: RecommendedLimits
}

/** The hold durations per pool, line of source and scope, as frozen plain data. */
export interface Statistics {
  /** The start of the measurement, in milliseconds since 1970. */
  readonly since: number
  readonly pools: readonly PoolStatistics[]
  /** The longest in total first. A row is exact unless its pool has had more than 50 checkouts in one second. */
  readonly origins: readonly OriginStatistics[]
  readonly scopes: readonly ScopeStatistics[]
  /** True if `origins` and `scopes` are estimated from a sample. */
  readonly estimated: boolean
}

class Tally {
  readonly sketch = new HoldSketch()
  outside: HoldSketch | undefined
  transactions = 0
  checkouts = 0
  heldMillis = 0
  busyMillis = 0
  outsideMillis = 0

  add(heldMillis: number, busyMillis: number, outsideMillis: number | undefined, weight: number): void {
    this.sketch.add(heldMillis, weight)
    if (outsideMillis !== undefined) {
      this.outside ??= new HoldSketch()
      this.outside.add(outsideMillis, weight)
      this.transactions += weight
      this.outsideMillis += outsideMillis * weight
    }
    this.checkouts += weight
    this.heldMillis += heldMillis * weight
    this.busyMillis += busyMillis * weight
  }

  data(): HoldStatistics {
    const { sketch, checkouts, heldMillis, busyMillis, outsideMillis } = this
    return {
      checkouts,
      heldMillis: round(heldMillis),
      busyMillis: round(busyMillis),
      busyShare: heldMillis === 0 ? 0 : round(Math.min(1, busyMillis / heldMillis), 1000),
      outsideMillis: round(outsideMillis),
      p50Millis: round(sketch.quantile(0.5)),
      p95Millis: round(sketch.quantile(0.95)),
      p99Millis: round(sketch.quantile(0.99)),
      maxMillis: round(sketch.max),
    }
  }
}

class PoolTally extends Tally {
  readonly short: Sampler
  readonly long: Sampler
  readonly demand = new HoldSketch()
  readonly #arrivals: Sampler

  constructor(random: () => number) {
    super()
    this.short = new Sampler(random)
    this.long = new Sampler(random)
    this.#arrivals = new Sampler(random)
  }

  /** Looks at the pool at some of the times when it hands a client out. */
  arrive(pool: CheckoutPool, now: number): void {
    const weight = this.#arrivals.weigh(now)
    if (weight > 0) this.demand.add(demandOn(pool), weight)
  }
}

interface Row<Label> {
  readonly pool: string
  readonly label: Label | undefined
  readonly tally: Tally
}

/** Rows by their label, up to a limit, and one more per pool for the rest. */
class Rows<Label> {
  readonly #rows = new Map<string, Row<Label>>()

  of(pool: string, key: string | undefined, label: Label | undefined): Tally {
    const full = `${pool}\n${key ?? ''}`
    const known = this.#rows.get(full)
    if (known !== undefined) return known.tally
    if (key !== undefined && this.#rows.size >= mostRows) return this.of(pool, undefined, undefined)
    const tally = new Tally()
    this.#rows.set(full, { pool, label, tally })
    return tally
  }

  list(): Row<Label>[] {
    return [...this.#rows.values()].toSorted((one, other) => other.tally.heldMillis - one.tally.heldMillis)
  }
}

/**
 * Counts released checkouts. Each one counts for its pool. Line and scope are looked up only for a sample, because
 * formatting a stack costs more than the rest of the guard's work for a checkout.
 */
export class StatisticsKeeper implements Meter {
  readonly statements = false
  readonly #since: number
  readonly #random: () => number
  readonly #pools = new Map<string, PoolTally>()
  readonly #origins = new Rows<Frame>()
  readonly #scopes = new Rows<{ readonly kind: string; readonly name: string }>()
  #estimated = false

  /** @param sinceEpochMillis the start, in milliseconds since 1970 */
  constructor(sinceEpochMillis: number, random: () => number = Math.random) {
    this.#since = sinceEpochMillis
    this.#random = random
  }

  connected(): void {}

  acquired(pool: CheckoutPool, _waitedMillis: number, checkout?: Checkout): void {
    if (checkout !== undefined) this.#tallyOf(pool.name).arrive(pool, checkout.acquiredAt)
  }

  timedOut(): void {}

  released(pool: CheckoutPool, heldMillis: number, checkout?: Checkout): void {
    // Exempted checkouts are held for long by design, and would distort the figures.
    if (checkout === undefined || checkout.exemption !== undefined) return
    const now = checkout.acquiredAt + heldMillis
    const busyMillis = Math.min(heldMillis, checkout.busyMillis)
    const tally = this.#tallyOf(pool.name)
    const outsideMillis = checkout.outsideMillis(now)
    tally.add(heldMillis, busyMillis, outsideMillis, 1)
    const sampler = heldMillis >= longMillis ? tally.long : tally.short
    const weight = sampler.weigh(now)
    if (weight !== 1) this.#estimated = true
    if (weight === 0) return
    const { origin, scope } = checkout
    this.#origins
      .of(pool.name, origin === undefined ? undefined : describeFrame(origin), frameOf(origin))
      .add(heldMillis, busyMillis, outsideMillis, weight)
    const { kind, name } = scope?.data() ?? {}
    const label = kind === undefined || name === undefined ? undefined : { kind, name }
    this.#scopes
      .of(pool.name, label && `${label.kind} ${label.name}`, label)
      .add(heldMillis, busyMillis, outsideMillis, weight)
  }

  data(): Statistics {
    return deepFreeze({
      since: this.#since,
      pools: [...this.#pools]
        .filter(([, { checkouts }]) => checkouts > 0)
        .map(([pool, tally]) => ({
          pool,
          ...tally.data(),
          recommended: { ...recommendedOf(tally), ...(tally.checkouts < enough ? {} : sizeFor(tally)) },
        })),
      origins: this.#origins.list().map(({ pool, label, tally }) => ({
        pool,
        ...(label === undefined ? {} : { origin: { ...label } }),
        ...tally.data(),
      })),
      scopes: this.#scopes.list().map(({ pool, label, tally }) => ({
        pool,
        ...(label === undefined ? {} : { scope: { ...label } }),
        ...tally.data(),
        recommended: recommendedOf(tally),
      })),
      estimated: this.#estimated,
    })
  }

  #tallyOf(pool: string): PoolTally {
    const known = this.#pools.get(pool)
    if (known !== undefined) return known
    // A program that creates a pool per call has as many names.
    if (this.#pools.size >= mostPools && pool !== otherPools) return this.#tallyOf(otherPools)
    const tally = new PoolTally(this.#random)
    this.#pools.set(pool, tally)
    return tally
  }
}

const otherPools = '(other pools)'

function frameOf(origin: Frame | undefined): Frame | undefined {
  if (origin === undefined) return undefined
  const { file, line, column, functionName } = origin
  return { file, line, column, ...(functionName === undefined ? {} : { functionName }) }
}

function recommendedOf({ checkouts, sketch, transactions, outside }: Tally): RecommendedLimits {
  return {
    ...(checkouts < enough ? {} : { holdMillis: limitAbove(sketch) }),
    ...(outside === undefined || transactions < enough ? {} : { idleTransactionMillis: limitAbove(outside) }),
  }
}

function sizeFor({ demand }: PoolTally): { readonly max: number } {
  return { max: Math.max(1, Math.round(demand.quantile(0.99))) }
}

/** Three times the 99th percentile, rounded up to 1, 2 or 5 times a power of ten. */
function limitAbove(sketch: HoldSketch): number {
  const wanted = Math.max(lowestLimitMillis, 3 * sketch.quantile(0.99))
  const power = 10 ** Math.floor(Math.log10(wanted))
  return power * ([1, 2, 5].find((step) => step * power >= wanted) ?? 10)
}

function round(value: number, precision = 10): number {
  return Math.round(value * precision) / precision
}
