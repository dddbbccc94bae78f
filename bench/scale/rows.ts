import { median } from '../formats.ts'
import type { ScaleRun } from './scale-run.ts'

/** A figure of a measurement: its scenario and variant, and the measurement to subtract. */
interface Row {
  readonly title: string
  readonly of: string
  readonly figure: string
  readonly minus?: string
  readonly unit: string
  readonly digits?: number
}

const checkouts: readonly Row[] = [
  ...(['idle', 'open', 'reported'] as const).map((variant) => ({
    title: {
      idle: 'a sweep, no transaction',
      open: 'a sweep, each with an open transaction',
      reported: 'a sweep, each of them reported',
    }[variant],
    ...{ of: `checkouts ${variant}`, figure: 'sweepMillis', unit: 'ms', digits: 2 },
  })),
  { title: 'the first `snapshot()`', of: 'checkouts open', figure: 'firstMillis', unit: 'ms' },
  { title: 'a later `snapshot()`', of: 'checkouts open', figure: 'snapshotMillis', unit: 'ms' },
  { title: '`formatSnapshot`', of: 'checkouts open', figure: 'textMillis', unit: 'ms' },
  { title: 'heap that the guard adds to each', of: 'checkouts idle', figure: 'bytes', unit: 'bytes' },
]

const inQueue = { of: 'waiters guarded', minus: 'waiters bare' }
const waiters: readonly Row[] = [
  { title: 'added until it waits, scope included', ...inQueue, figure: 'queueMicros', unit: 'us', digits: 1 },
  { title: 'added until it is served', ...inQueue, figure: 'serveMicros', unit: 'us', digits: 1 },
  { title: 'a sweep', of: 'waiters guarded', figure: 'sweepMillis', unit: 'ms', digits: 2 },
  { title: 'heap that the guard adds to each', ...inQueue, figure: 'bytes', unit: 'bytes' },
  { title: 'left of each when all are served', ...inQueue, figure: 'left', unit: 'bytes' },
]

const inScope = { of: 'scopes guarded', minus: 'scopes bare' }
const scopes: readonly Row[] = [
  { title: 'to open and end one', ...inScope, figure: 'micros', unit: 'us', digits: 1 },
  { title: 'a sweep', of: 'scopes guarded', figure: 'sweepMillis', unit: 'ms', digits: 2 },
  { title: 'heap for each', ...inScope, figure: 'bytes', unit: 'bytes' },
  { title: 'left of each when all have ended', ...inScope, figure: 'left', unit: 'bytes' },
]

const left = { figure: 'left', unit: 'bytes', digits: 1 }
const inARow: readonly Row[] = [
  { title: 'left of each without the guard', of: 'in-a-row bare', ...left },
  { title: 'left of each, guarded', of: 'in-a-row guarded', ...left },
]

const turn = { figure: 'longestMillis', unit: 'ms' }
const burst: readonly Row[] = [
  { title: 'CPU for all of them', of: 'burst silent', figure: 'totalMillis', unit: 'ms' },
  { title: 'longest turn of the event loop, no reporter', of: 'burst silent', ...turn },
  { title: 'longest turn, `consoleReporter`', of: 'burst console', ...turn },
  { title: 'longest turn, `jsonLinesReporter`', of: 'burst json', ...turn },
  { title: 'longest turn, a listener that makes JSON', of: 'burst listener', ...turn },
  { title: 'longest turn, `enforce`: 10,000 rollbacks', of: 'burst enforce', ...turn },
  { title: 'longest turn, 10,000 rollbacks without the guard', of: 'burst bare', ...turn },
  { title: 'heap for each open finding', of: 'burst silent', figure: 'bytes', unit: 'bytes' },
]

const groups: Readonly<Record<string, readonly Row[]>> = {
  '10,000 open checkouts in 100 pools': checkouts,
  '5,000 callers that wait for full pools': waiters,
  '50,000 scopes at once': scopes,
  '1,000,000 checkouts in a row': inARow,
  '10,000 findings in one sweep': burst,
}

export function scaleRows(runs: readonly ScaleRun[]): string[][] {
  return Object.entries(groups).flatMap(([title, rows]) => [
    [`**${title}**`, ...runs.map(() => '')],
    ...rows.map((row) => [row.title, ...runs.map((run) => cell(run, row))]),
  ])
}

function cell(run: ScaleRun, { of, figure, minus, unit, digits = 0 }: Row): string {
  const values = valuesOf(run, of, figure)
  const bare = minus === undefined ? [0] : valuesOf(run, minus, figure)
  const shown = (value: number) => {
    const text = value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })
    return text.replace(/^-(?=[0.]+$)/, '')
  }
  const least = `${shown(Math.min(...values) - Math.min(...bare))} ${unit}`
  return values.length === 1 ? least : `${least} (${shown(median(values) - median(bare))})`
}

function valuesOf({ figures }: ScaleRun, of: string, figure: string): number[] {
  return (figures.get(of) ?? []).map((one) => one[figure] ?? Number.NaN)
}
