/**
 * `npm run bench:budget`: fails if an operation costs more than its budget in each of three runs. A machine that is busy
 * spoils a run, but never makes one too good.
 */
import { parseArgs } from 'node:util'
import { offlineBudget, recorderBudget } from './budgets.mjs'
import { addedMicros, measureOffline, offlineRows, offlineTable, recordedRows } from './offline.ts'
import { publish } from './report.ts'
import { table } from './table.ts'

const attempts = 3
/** Puts the figures of the last run into docs/benchmarks.md. */
const { values: options } = parseArgs({ options: { write: { type: 'boolean', default: false } } })

/** The figures over budget in all runs so far, such as `Node 20.20.2, checkout`. */
let over: ReadonlySet<string> | undefined
for (let attempt = 1; attempt <= attempts; attempt += 1) {
  const runs = await measureOffline()
  const text = table(offlineTable(runs)).join('\n')
  process.stdout.write(`run ${attempt}\n${text}\n\n`)
  if (options.write) publish(text, new URL('../docs/benchmarks.md', import.meta.url), 'offline')
  const exceeded = runs.flatMap((run) => [
    ...offlineRows
      .filter((row) => addedMicros(run, row) > offlineBudget(row, run.node))
      .map((row) => `Node ${run.node}, ${row}`),
    ...recordedRows
      .filter((row) => run.recorded[row] > recorderBudget)
      .map((row) => `Node ${run.node}, ${row} with the recorder`),
  ])
  const before = over
  over = new Set(exceeded.filter((figure) => before?.has(figure) !== false))
  if (over.size === 0) break
}
if (over !== undefined && over.size > 0) {
  process.stderr.write(`over budget in each of ${attempts} runs:\n${[...over].join('\n')}\n`)
  process.exitCode = 1
}
