import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { cpus } from 'node:os'
import { offlineTable } from './offline.ts'
import type { OfflineRun } from './offline-worker.mjs'
import { operations } from './operations.mjs'
import type { SweepCost } from './sweep.mjs'
import { table } from './table.ts'
import { variants } from './variants.mjs'
import type { OperationName, VariantName } from './worker.mjs'

export interface Measurements {
  /** Without a server, one for each version of Node.js. */
  readonly offline: readonly OfflineRun[]
  readonly machine: string
  /** All on one core. */
  readonly isPinned: boolean
  readonly processes: number
  readonly rounds: number
  /** CPU per operation, one figure for each batch. The batches with the same index ran one right after the other. */
  readonly micros: Map<VariantName, Map<OperationName, number[]>>
  /** Heap growth per checkout. */
  readonly retainedBytes: Map<VariantName, number>
  /** After how many checkouts that was. */
  readonly checkouts: number
  readonly sweep: SweepCost | undefined
}

const operationNames = Object.keys(operations) as OperationName[]
/** Factors are judged as they are printed, with two digits. */
const rounding = 0.005
/** A run in which two bare pools may differ by more says nothing about a promise of 1.00x or 1.02x. */
const tolerableNoise = 0.02
const variantNames = Object.keys(variants) as VariantName[]

/** The tables, as Markdown that can be read on a terminal too. */
export function render(measurements: Measurements): string {
  const { machine, isPinned, processes, rounds, micros } = measurements
  const where = isPinned ? 'server and clients on one core' : 'not pinned to a core: expect noise'
  return [
    'Without a server: CPU that the guard adds to each operation on one core, in microseconds, with the budget in parentheses.',
    '',
    ...table(offlineTable(measurements.offline)),
    '',
    'Over a server:',
    '',
    `${machine}; ${where}; ${processes === 1 ? '1 process' : `${processes} processes`} per variant, ${rounds} batches in each.`,
    '',
    'CPU per operation in microseconds. The factor is the median of the ratios to the bare batch of the same round, with',
    'the middle half of them in parentheses.',
    '',
    ...table([
      ['', ...operationNames.map((name) => operations[name].title)],
      ...variantNames
        .filter((name) => micros.has(name))
        .map((name) => [variants[name].title, ...costs(measurements, name)]),
    ]),
    '',
    'Budgets; behind the `±`, how far from bare a second bare pool may seem to be in this run.',
    '',
    ...budgetTable(measurements),
    ...sweepNotes(measurements.sweep),
  ].join('\n')
}

/** Puts the text into the part of a document that is made for it. */
export function publish(text: string, document: URL, region = 'bench'): void {
  const [regionStart, regionEnd] = [`<!-- ${region}:start -->`, `<!-- ${region}:end -->`]
  const before = readFileSync(document, 'utf8')
  const start = before.indexOf(regionStart)
  const end = before.indexOf(regionEnd)
  if (start === -1 || end < start)
    throw new Error(`${document.pathname} lacks ${regionStart} and ${regionEnd}`)
  writeFileSync(
    document,
    `${before.slice(0, start)}${regionStart}\n\n${text.trimEnd()}\n\n${before.slice(end)}`,
  )
}

export function describeMachine(serverVersion: string): string {
  const { version } = createRequire(import.meta.url)('pg/package.json') as { version: string }
  const processors = cpus()
  const model = processors[0]?.model.replaceAll(/\((R|TM)\)/g, '').trim() ?? 'unknown'
  const software = `Node ${process.versions.node}, pg ${version}, PostgreSQL ${serverVersion}`
  return `${software}, ${process.platform}, ${processors.length} x ${model}`
}

function costs(measurements: Measurements, variant: VariantName): string[] {
  return operationNames.map((operation) => {
    const micros = median(figures(measurements, variant, operation)).toFixed(1)
    if (variant === 'bare') return micros
    const ratios = ratiosToBare(measurements, variant, operation)
    const [low, high] = [quantile(ratios, 0.25), quantile(ratios, 0.75)]
    return `${micros} = ${times(median(ratios))} (${low.toFixed(2)}-${high.toFixed(2)})`
  })
}

/** What the project promises, and what was measured. */
function budgetTable(measurements: Measurements): string[] {
  const { micros, retainedBytes, checkouts, sweep } = measurements
  const modes = (['observe', 'enforce'] as const).filter((mode) => micros.has(mode))
  const rows = modes.flatMap((mode) => [
    factorBudget(measurements, mode, 'query', 1.02),
    factorBudget(measurements, mode, 'transaction', 1.05),
    microsBudget(measurements, mode, 'checkout', 5),
    microsBudget(measurements, mode, 'deepCheckout', 5),
    heapBudget(mode, retainedBytes, checkouts),
  ])
  if (micros.has('unwatched')) {
    rows.push(...operationNames.map((operation) => factorBudget(measurements, 'unwatched', operation, 1)))
  }
  if (sweep !== undefined) rows.push(sweepBudget(sweep))
  return rows.length === 0 ? [] : [...table([['budget', 'measured', ''], ...rows]), '']
}

function factorBudget(
  measurements: Measurements,
  variant: VariantName,
  operation: OperationName,
  limit: number,
) {
  const factor = median(ratiosToBare(measurements, variant, operation))
  const noise = uncertainty(ratiosToBare(measurements, 'twin', operation), 1)
  const promise = `${variants[variant].title}, ${operations[operation].title}: at most ${times(limit)}`
  const verdict = judge(factor, limit + rounding, noise, Math.max(limit - 1, tolerableNoise))
  return [promise, `${times(factor)} ± ${noise.toFixed(2)}`, verdict]
}

function microsBudget(
  measurements: Measurements,
  variant: VariantName,
  operation: OperationName,
  limit: number,
) {
  const more = median(differencesToBare(measurements, variant, operation))
  const noise = uncertainty(differencesToBare(measurements, 'twin', operation), 0)
  const promise = `${variants[variant].title}, ${operations[operation].title}: at most ${limit} us more`
  return [promise, `${more.toFixed(1)} ± ${noise.toFixed(1)} us more`, judge(more, limit, noise, limit / 2)]
}

/** None is a matter of bytes: what the engine itself keeps differs by fractions of one. */
function heapBudget(variant: VariantName, retainedBytes: Measurements['retainedBytes'], checkouts: number) {
  const [bare = Number.NaN, guarded = Number.NaN] = [retainedBytes.get('bare'), retainedBytes.get(variant)]
  const noise = Math.abs(bare - (retainedBytes.get('twin') ?? Number.NaN))
  const promise = `${variants[variant].title}, heap left behind by ${count(checkouts)} checkouts: none`
  const measured = `${(guarded - bare).toFixed(1)} ± ${noise.toFixed(1)} bytes each`
  return [promise, measured, judge(guarded - bare, 1, noise, 1)]
}

function sweepBudget({ openMillis, checkouts }: SweepCost) {
  const millis = median(openMillis)
  const promise = `sweep over ${count(checkouts)} open transactions: below 2 ms`
  return [promise, `${millis.toFixed(2)} ms`, judge(millis, 2, 0, 0)]
}

/** No verdict where the run is too noisy for one: two bare pools that differ by half prove nothing about a third. */
function judge(measured: number, limit: number, noise: number, tolerable: number): string {
  if (measured - noise > limit) return '**missed**'
  return measured <= limit && noise <= tolerable ? 'met' : 'too noisy'
}

/**
 * How far the median of the twin's figures may lie from what it would be without noise, at 95 % confidence: the ends
 * of the interval are figures themselves, so that no distribution has to be assumed.
 */
function uncertainty(figures: readonly number[], expected: number): number {
  const reach = Math.min(0.5, 0.98 / Math.sqrt(figures.length))
  const [low, high] = [quantile(figures, 0.5 - reach), quantile(figures, 0.5 + reach)]
  return Math.max(Math.abs(low - expected), Math.abs(high - expected))
}

function sweepNotes(sweep: SweepCost | undefined): string[] {
  if (sweep === undefined) return []
  const [idle, reported] = [median(sweep.idleMillis).toFixed(2), median(sweep.reportedMillis).toFixed(2)]
  return [
    `A sweep takes ${idle} ms where none of the ${count(sweep.checkouts)} has a transaction, and ${reported} ms where every one`,
    `has been reported. The guard adds ${count(Math.round(sweep.outBytes))} bytes to a client that is out, ${count(Math.round(sweep.idleBytes))} to one that has been out before.`,
  ]
}

function figures(
  { micros }: Measurements,
  variant: VariantName,
  operation: OperationName,
): readonly number[] {
  return micros.get(variant)?.get(operation) ?? []
}

function ratiosToBare(measurements: Measurements, variant: VariantName, operation: OperationName): number[] {
  const bare = figures(measurements, 'bare', operation)
  return figures(measurements, variant, operation).map(
    (micros, batch) => micros / (bare[batch] ?? Number.NaN),
  )
}

function differencesToBare(
  measurements: Measurements,
  variant: VariantName,
  operation: OperationName,
): number[] {
  const bare = figures(measurements, 'bare', operation)
  return figures(measurements, variant, operation).map(
    (micros, batch) => micros - (bare[batch] ?? Number.NaN),
  )
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

/** By interpolation; NaN of nothing. */
function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  const position = (sorted.length - 1) * share
  const below = sorted[Math.floor(position)] ?? Number.NaN
  const above = sorted[Math.ceil(position)] ?? Number.NaN
  return below + (above - below) * (position - Math.floor(position))
}

export const times = (factor: number) => `${factor.toFixed(2)}x`
const count = (whole: number) => whole.toLocaleString('en')
