import type { Attributes, Histogram, Meter } from '@opentelemetry/api'
import type { CheckoutPool } from '../core/checkout.ts'
import type { Finding } from '../core/findings/finding.ts'
import type { Ledger } from '../core/ledger.ts'
import { describeFrame } from '../core/origin/origin.ts'
import { poolFigures } from '../core/statistics/pool-figures.ts'
import type { Lifeguard } from '../lifeguard.ts'
import { attributeNames as attribute, metricNames as metric } from './names.ts'
import { neverThrowing } from './never-throwing.ts'

/** In seconds: from no wait to callers that give up. */
const waitBounds = [0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30]
/** In seconds: from one fast statement to a leak. */
const useBounds = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300]
const createBounds = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10]

/** The attribute value of pools and lines beyond the limits. */
const others = '(other)'
/** A limit of memory, because an SDK keeps all attributes that it has seen, and a program may create a pool per call. */
const mostPools = 200

/** Records the pools and findings of a lifeguard. Returns a function that stops it. */
export function recordMetrics(
  meter: Meter,
  lifeguard: Lifeguard,
  ledger: Ledger,
  maxOrigins: number,
): () => void {
  const poolOf = firstOnes(mostPools)
  const ends = [
    observePools(meter, ledger),
    timeCheckouts(meter, ledger, poolOf),
    countFindings(meter, lifeguard, poolOf, maxOrigins === 0 ? undefined : firstOnes(maxOrigins)),
  ]
  return () => {
    for (const end of ends) end()
  }
}

/** Returns the first so many different values as they are, and one value for all others. */
function firstOnes(most: number): (value: string) => string {
  const known = new Set<string>()
  return (value) => {
    if (known.size < most) known.add(value)
    return known.has(value) ? value : others
  }
}

function observePools(meter: Meter, ledger: Ledger): () => void {
  const upDown = (name: string, unit: string, description: string) =>
    meter.createObservableUpDownCounter(name, { unit, description })
  const count = upDown(
    metric.count,
    '{connection}',
    'Connections of a pool, by state. Connections that are being opened count as used.',
  )
  const idleMax = upDown(metric.idleMax, '{connection}', 'Maximum number of idle connections.')
  const idleMin = upDown(metric.idleMin, '{connection}', 'Minimum number of open connections.')
  const limit = upDown(metric.limit, '{connection}', 'Maximum number of open connections.')
  const pending = upDown(metric.pendingRequests, '{request}', 'Callers waiting for a client.')
  const transactions = upDown(
    metric.transactions,
    '{transaction}',
    'Checkouts with an open or failed transaction.',
  )
  const oldestTransaction = meter.createObservableGauge(metric.oldestTransaction, {
    unit: 's',
    description: 'Age of the oldest open transaction, 0 without one.',
  })
  const oldestCheckout = meter.createObservableGauge(metric.oldestCheckout, {
    unit: 's',
    description: 'Age of the oldest open checkout, 0 without one.',
  })
  const instruments = [
    count,
    idleMax,
    idleMin,
    limit,
    pending,
    transactions,
    oldestTransaction,
    oldestCheckout,
  ]
  const observe: Parameters<Meter['addBatchObservableCallback']>[0] = (result) => {
    for (const pool of poolFigures(ledger)) {
      const of = { [attribute.pool]: pool.name }
      if (pool.idle !== undefined) result.observe(count, pool.idle, { ...of, [attribute.state]: 'idle' })
      result.observe(count, pool.used, { ...of, [attribute.state]: 'used' })
      if (pool.max !== undefined) {
        // node-postgres has a single limit for both.
        result.observe(idleMax, pool.max, of)
        result.observe(limit, pool.max, of)
      }
      if (pool.min !== undefined) result.observe(idleMin, pool.min, of)
      result.observe(pending, pool.waiting, of)
      result.observe(transactions, pool.transactions, of)
      result.observe(oldestTransaction, pool.oldestTransactionMillis / 1000, of)
      result.observe(oldestCheckout, pool.oldestCheckoutMillis / 1000, of)
    }
  }
  meter.addBatchObservableCallback(observe, instruments)
  return () => meter.removeBatchObservableCallback(observe, instruments)
}

function timeCheckouts(meter: Meter, ledger: Ledger, poolOf: (name: string) => string): () => void {
  const seconds = (name: string, description: string, explicitBucketBoundaries: number[]) =>
    meter.createHistogram(name, { unit: 's', description, advice: { explicitBucketBoundaries } })
  const create = seconds(metric.createTime, 'Time to open a connection.', createBounds)
  const wait = seconds(metric.waitTime, 'Time that a caller waited for a client.', waitBounds)
  const use = seconds(metric.useTime, 'Time that a client was checked out.', useBounds)
  const timeouts = meter.createCounter(metric.timeouts, {
    unit: '{timeout}',
    description: "Callers that got the pool's timeout error in place of a client.",
  })
  const attributes = new WeakMap<CheckoutPool, Attributes>()

  function of(pool: CheckoutPool): Attributes {
    const known = attributes.get(pool)
    if (known !== undefined) return known
    const made = { [attribute.pool]: poolOf(pool.name) }
    attributes.set(pool, made)
    // A counter that appears only with its first timeout would not show an increase to an alert.
    timeouts.add(0, made)
    return made
  }

  function record(histogram: Histogram, pool: CheckoutPool, millis: number): void {
    neverThrowing(() => histogram.record(millis / 1000, of(pool)))
  }

  return ledger.observe({
    statements: true,
    connected: (pool, millis) => record(create, pool, millis),
    acquired: (pool, millis) => record(wait, pool, millis),
    released: (pool, millis) => record(use, pool, millis),
    timedOut: (pool) => neverThrowing(() => timeouts.add(1, of(pool))),
  })
}

function countFindings(
  meter: Meter,
  lifeguard: Lifeguard,
  poolOf: (name: string) => string,
  lineOf: ((line: string) => string) | undefined,
): () => void {
  const findings = meter.createCounter(metric.findings, {
    unit: '{finding}',
    description: 'Findings, by kind and certainty.',
  })
  const remedies = meter.createCounter(metric.remedies, {
    unit: '{remedy}',
    description: 'Remedies that were applied, by outcome.',
  })

  function originOf({ origin, transactionOrigin }: Finding): Attributes {
    const frame = origin ?? transactionOrigin
    return frame === undefined || lineOf === undefined
      ? {}
      : { [attribute.origin]: lineOf(describeFrame(frame)) }
  }

  function countRemedy({ pool, kind, remedy, outcome }: Finding): void {
    if (outcome === undefined) return
    remedies.add(1, {
      [attribute.pool]: poolOf(pool),
      [attribute.kind]: kind,
      [attribute.remedy]: remedy,
      [attribute.outcome]: outcome,
    })
  }

  const ends = [
    lifeguard.on('finding', (finding) => {
      findings.add(1, {
        [attribute.pool]: poolOf(finding.pool),
        [attribute.kind]: finding.kind,
        [attribute.certainty]: finding.certainty,
        ...originOf(finding),
      })
      countRemedy(finding)
    }),
    lifeguard.on('remedied', countRemedy),
  ]
  return () => {
    for (const end of ends) end()
  }
}
