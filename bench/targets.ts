import type { Figures } from './figures.ts'
import { count, median, times } from './formats.ts'
import type { SweepCost } from './sweep.mjs'
import { variants } from './variants.mjs'
import type { VariantName } from './worker.mjs'
import { titleOf } from './workloads.mjs'

export interface Judged {
  /** Each row with each usual variant. */
  readonly main: Figures
  /** Heap growth in bytes per checkout. */
  readonly retainedBytes: ReadonlyMap<VariantName, number>
  /** After how many checkouts that was. */
  readonly checkouts: number
  readonly sweep: SweepCost
}

/** Factors are judged as they are printed, with two digits. */
const rounding = 0.005
/** A run in which two bare processes differ by more does not tell whether a promise of 1.00x or 1.10x is kept. */
const tolerableNoise = 0.02

const modes = ['observe', 'enforce'] as const
const alternatives = (Object.keys(variants) as VariantName[]).filter((name) => variants[name].isAlternative)

/** What the project promises, and what was measured. */
export function budgetTable({ main, retainedBytes, checkouts, sweep }: Judged): string[][] {
  return [
    ['budget', 'measured', ''],
    ...modes.map((mode) => transactionBudget(main, mode)),
    ...alternatives
      .filter((name) => main.rows.some((row) => main.has(row, name)))
      .flatMap((name) => modes.map((mode) => alternativeBudget(main, mode, name))),
    unwatchedBudget(main),
    ...modes.map((mode) => heapBudget(mode, retainedBytes, checkouts)),
    sweepBudget(sweep),
  ]
}

function transactionBudget(figures: Figures, mode: VariantName): string[] {
  const [factor, noise] = [figures.factor('transaction', mode), figures.noise('transaction')]
  const promise = `${variants[mode].title}, ${titleOf('transaction')}: at most 1.10x`
  const least = (['stack', 'least'] as const)
    .filter((name) => figures.has('transaction', name))
    .map((name) => `${variants[name].column} ${times(figures.factor('transaction', name))}`)
    .join(', ')
  return [
    promise,
    measured(factor, noise) + (least === '' ? '' : `; ${least}`),
    judge(factor, 1.1 + rounding, noise),
  ]
}

/** In the row where it is nearest to the alternative, or furthest above it. */
function alternativeBudget(figures: Figures, mode: VariantName, name: VariantName): string[] {
  const comparisons = figures.rows
    .filter((row) => figures.has(row, name))
    .map((row) => ({ row, lead: figures.factor(row, name) - figures.factor(row, mode) }))
  const above = comparisons.filter(({ row, lead }) => lead + figures.noise(row) < 0)
  const unclear = comparisons.filter(
    ({ row, lead }) => lead < figures.noise(row) && !above.some((one) => one.row === row),
  )
  const nearest = comparisons.reduce((one, other) => (other.lead < one.lead ? other : one))
  const promise = `${variants[mode].title}, each row: below ${variants[name].column}`
  const [own, others] = [mode, name].map((one) => times(figures.factor(nearest.row, one)))
  const text = `nearest in "${titleOf(nearest.row)}": ${own} and ${others}`
  // Nothing that knows the line can be below these.
  const byStack = above.filter(
    ({ row }) =>
      figures.has(row, 'stack') &&
      figures.factor(row, 'stack') + figures.noise(row) >= figures.factor(row, name),
  )
  const least = byStack.length === 0 ? '' : `, in ${byStack.length} of them already by a stack alone`
  if (above.length > 0)
    return [promise, text, `**missed** in ${above.length} of ${comparisons.length} rows${least}`]
  return [promise, text, unclear.length === 0 ? 'met' : 'too noisy']
}

function unwatchedBudget(figures: Figures): string[] {
  const rows = figures.rows.filter((row) => figures.has(row, 'unwatched'))
  const excess = (row: string) => figures.factor(row, 'unwatched') - figures.noise(row)
  const worst = rows.reduce((one, other) => (excess(other) > excess(one) ? other : one))
  const [factor, noise] = [figures.factor(worst, 'unwatched'), figures.noise(worst)]
  return [
    `${variants.unwatched.title}, each row: 1.00x`,
    `at most ${measured(factor, noise)}, in "${titleOf(worst)}"`,
    judge(factor, 1 + rounding, noise),
  ]
}

/** None is a matter of bytes: what the engine itself keeps differs by fractions of one. */
function heapBudget(
  variant: VariantName,
  retainedBytes: Judged['retainedBytes'],
  checkouts: number,
): string[] {
  const bytes = (name: VariantName) => retainedBytes.get(name) ?? Number.NaN
  const [more, noise] = [bytes(variant) - bytes('bare'), Math.abs(bytes('bare') - bytes('twin'))]
  const promise = `${variants[variant].title}, heap left behind by ${count(checkouts)} checkouts: none`
  const verdict = more - noise > 1 ? '**missed**' : more <= 1 && noise <= 1 ? 'met' : 'too noisy'
  return [promise, `${more.toFixed(1)} ± ${noise.toFixed(1)} bytes each`, verdict]
}

function sweepBudget({ openMillis, checkouts }: SweepCost): string[] {
  const millis = median(openMillis)
  const promise = `sweep over ${count(checkouts)} open transactions: below 2 ms`
  return [promise, `${millis.toFixed(2)} ms`, millis < 2 ? 'met' : '**missed**']
}

/** No verdict where the run is too noisy for one: two bare programs that differ by half prove nothing about a third. */
function judge(factor: number, limit: number, noise: number): string {
  if (factor - noise > limit) return '**missed**'
  return factor <= limit && noise <= tolerableNoise ? 'met' : 'too noisy'
}

const measured = (factor: number, noise: number) => `${times(factor)} ± ${noise.toFixed(2)}`
