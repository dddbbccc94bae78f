import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { cpus, loadavg } from 'node:os'
import type { Figures } from './figures.ts'
import { count, median, times } from './formats.ts'
import type { SweepCost } from './sweep.mjs'
import { table } from './table.ts'
import { budgetTable, type Judged } from './targets.ts'
import { variants } from './variants.mjs'
import type { VariantName } from './worker.mjs'
import { titleOf, type Workload, workloads } from './workloads.mjs'

export interface Measurements extends Judged {
  readonly machine: string
  /** All on one core. */
  readonly isPinned: boolean
  readonly processes: number
  /** Turns of each process, for each row. */
  readonly rounds: number
  /** Less usual options. */
  readonly options: Figures
  /** The smallest transaction, by version of Node.js. */
  readonly versions: ReadonlyMap<string, Figures>
}

const variantNames = Object.keys(variants) as VariantName[]

/** The tables, as Markdown that can be read on a terminal too. */
export function render(measurements: Measurements): string {
  const { machine, isPinned, processes, rounds, main, options, versions } = measurements
  const where = isPinned ? 'server and clients on one core' : 'not pinned to a core: expect noise'
  const perVariant = processes === 1 ? '1 process' : `${processes} processes`
  const more = Object.entries<Workload>(workloads)
    .filter(([name, { timesProcesses }]) => timesProcesses !== undefined && main.rows.includes(name))
    .map(([name, { timesProcesses }]) => `, ${timesProcesses} times as many in "${titleOf(name)}"`)
    .join('')
  return [
    `${machine}; ${where}; ${perVariant} per variant and program${more}, ${rounds} turns of each.`,
    '',
    'CPU microseconds per operation of the bare program, and the factors to them; `±`, how far apart two bare programs were.',
    '',
    ...table(factorTable(main)),
    '',
    ...notInstalled(),
    'Less usual options:',
    '',
    ...table(factorTable(options)),
    '',
    ...(versions.size === 0 ? [] : [...table(versionTable(versions)), '']),
    'Budgets:',
    '',
    ...table(budgetTable(measurements)),
    '',
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

export function describeMachine(nodeVersion: string, serverVersion: string): string {
  const { version } = createRequire(import.meta.url)('pg/package.json') as { version: string }
  const processors = cpus()
  const model = processors[0]?.model.replaceAll(/\((R|TM)\)/g, '').trim() ?? 'unknown'
  const software = `Node ${nodeVersion}, pg ${version}, PostgreSQL ${serverVersion}`
  // What else the machine does explains figures that nobody else gets.
  const load = `load average ${(loadavg()[0] ?? 0).toFixed(1)} before`
  return `${software}, ${process.platform}, ${processors.length} x ${model}, ${load}`
}

/** A row for each operation; `-` where a variant has nothing to do with it. */
function factorTable(figures: Figures): string[][] {
  const shown = variantNames.filter(
    (name) => name !== 'bare' && name !== 'twin' && figures.rows.some((row) => figures.has(row, name)),
  )
  return [
    ['', 'bare', '±', ...shown.map((name) => variants[name].column)],
    ...figures.rows.map((row) => [
      titleOf(row),
      `${figures.micros(row, 'bare').toFixed(1)} us`,
      figures.noise(row).toFixed(2),
      ...shown.map((name) => (figures.has(row, name) ? times(figures.factor(row, name)) : '-')),
    ]),
  ]
}

function versionTable(versions: ReadonlyMap<string, Figures>): string[][] {
  const row = 'transaction'
  return [
    [titleOf(row), 'bare', '±', variants.observe.column, variants.enforce.column],
    ...[...versions].map(([version, figures]) => [
      `Node ${version}`,
      `${figures.micros(row, 'bare').toFixed(1)} us`,
      figures.noise(row).toFixed(2),
      times(figures.factor(row, 'observe')),
      times(figures.factor(row, 'enforce')),
    ]),
  ]
}

function notInstalled(): string[] {
  const missing = (Object.values(workloads) as Workload[]).filter(
    ({ isInstalled }) => isInstalled?.() === false,
  )
  return missing.flatMap(({ rows }) =>
    Object.values(rows).map(({ title }) => `${title}: not measured, because the library is not installed.\n`),
  )
}

function sweepNotes(sweep: SweepCost): string[] {
  const [idle, reported] = [median(sweep.idleMillis).toFixed(2), median(sweep.reportedMillis).toFixed(2)]
  return [
    `A sweep takes ${idle} ms where none of the ${count(sweep.checkouts)} has a transaction, and ${reported} ms where every one`,
    `has been reported. The guard adds ${count(Math.round(sweep.outBytes))} bytes to a client that is out, ${count(Math.round(sweep.idleBytes))} to one that has been out before.`,
  ]
}
