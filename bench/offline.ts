/**
 * Measures what the guard adds to each operation without a server, on each supported version of Node.js, and compares it
 * with the budgets.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { type OfflineRow, offlineBudget, offlineBudgets, recorderBudget } from './budgets.mjs'
import type { OfflineRun, RecordedRow } from './offline-worker.mjs'
import { operations } from './operations.mjs'
import { nodeBinaries } from './processes.ts'

export const offlineRows = Object.keys(offlineBudgets) as OfflineRow[]
export const recordedRows: readonly RecordedRow[] = ['transaction', 'checkout']

/** One process per version, one after the other. */
export async function measureOffline(note: (text: string) => void = () => {}): Promise<OfflineRun[]> {
  const runs: OfflineRun[] = []
  for (const execPath of nodeBinaries([20, 22, 24, 26])) {
    note(`without a server: ${execPath}`)
    const file = fileURLToPath(new URL('offline-worker.mjs', import.meta.url))
    const child = fork(file, { execPath, execArgv: [], env: { ...process.env, NODE_OPTIONS: '' } })
    runs.push(await answerOf(child))
  }
  return runs
}

/** What the guard adds, with what it may add. */
export function offlineTable(runs: readonly OfflineRun[]): string[][] {
  return [
    ['added microseconds, at most', ...runs.map(({ node }) => `Node ${node}`)],
    ...offlineRows.map((row) => [
      operations[row].title,
      ...runs.map((run) => `+${addedMicros(run, row).toFixed(2)} (${offlineBudget(row, run.node)})`),
    ]),
    ...recordedRows.map((row) => [
      `${operations[row].title}, the recorder of the [live page](page.md) alone`,
      ...runs.map(({ recorded }) => `+${recorded[row].toFixed(2)} (${recorderBudget})`),
    ]),
  ]
}

export function addedMicros({ costs }: OfflineRun, row: OfflineRow): number {
  const { bare, watched } = costs[row]
  return watched - bare
}

async function answerOf(child: ChildProcess): Promise<OfflineRun> {
  const patience = new AbortController()
  const { signal } = patience
  try {
    return await Promise.race([
      once(child, 'message', { signal }).then(([{ answer }]) => answer as OfflineRun),
      once(child, 'exit', { signal }).then(([code]) => {
        throw new Error(`the measurement ended with ${code}; what it said is above`)
      }),
    ])
  } finally {
    patience.abort()
  }
}
