/**
 * `npm run bench:scale`: what very many checkouts, waiting callers, scopes and findings cost, over sockets in memory.
 * `-- --write` puts the table into docs/benchmarks.md, `-- --processes N` sets the number of processes for each figure.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { nodeBinaries } from '../processes.ts'
import { publish } from '../report.ts'
import { table } from '../table.ts'
import { scaleRows } from './rows.ts'
import { type Figures, type ScaleRun, scaleVariants } from './scale-run.ts'

/** What a process sends. */
interface Answer {
  readonly node: string
  readonly figures: Figures
}

const { values: options } = parseArgs({
  options: { write: { type: 'boolean', default: false }, processes: { type: 'string', default: '3' } },
})
const processes = Number(options.processes)

async function measure(execPath: string, scenario: string, variant: string): Promise<Answer> {
  const file = fileURLToPath(new URL('worker.mjs', import.meta.url))
  const child = fork(file, [scenario, variant], {
    execPath,
    execArgv: ['--expose-gc'],
    env: { ...process.env, NODE_OPTIONS: '' },
  })
  const messages = once(child, 'message')
  const [end] = await Promise.race([messages, once(child, 'exit')])
  if (typeof end !== 'object' || end === null) throw new Error(`${scenario} ${variant} ended with ${end}`)
  return end as Answer
}

/** Each variant in turn, so that whatever else the machine does meets all of them. */
async function measureAll(execPath: string): Promise<ScaleRun> {
  const run: ScaleRun = { node: '', figures: new Map() }
  for (let turn = 1; turn <= processes; turn += 1) {
    for (const [scenario, variants] of Object.entries(scaleVariants)) {
      // Takes minutes, and the heap does not depend on how busy the machine is.
      if (scenario === 'in-a-row' && turn > 1) continue
      for (const variant of variants) {
        process.stderr.write(`${execPath}: ${scenario} ${variant}, ${turn} of ${processes}\n`)
        const { node, figures } = await measure(execPath, scenario, variant)
        run.node = node
        const key = `${scenario} ${variant}`
        run.figures.set(key, [...(run.figures.get(key) ?? []), figures])
      }
    }
  }
  return run
}

const runs: ScaleRun[] = []
for (const execPath of nodeBinaries([20, 24])) runs.push(await measureAll(execPath))
const text = [
  `CPU time and heap: the least of ${processes} processes, with their median in parentheses; one for the checkouts in a row.`,
  '',
  ...table([['', ...runs.map(({ node }) => `Node ${node}`)], ...scaleRows(runs)]),
].join('\n')
process.stdout.write(`${text}\n`)
if (options.write) publish(text, new URL('../../docs/benchmarks.md', import.meta.url), 'scale')
