/**
 * Measures what the guard costs: `npm run bench`, options below. First without a server, then over one, then what it adds to
 * the start of a process.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import pg from 'pg'
import { provideServer } from '../test/support/embedded-server.ts'
import type { Figures } from './figures.ts'
import { measure } from './measure.ts'
import { measureOffline, offlineTable } from './offline.ts'
import { answerOf, installedNode } from './processes.ts'
import { describeMachine, type Measurements, publish, render } from './report.ts'
import { measureStartUp, renderStartUp } from './start-up.ts'
import type { SweepCost } from './sweep.mjs'
import { table } from './table.ts'
import type { WorkloadName } from './worker.mjs'
import { workloads } from './workloads.mjs'

const { values: options } = parseArgs({
  options: {
    /** Writes the tables into docs/benchmarks.md. */
    write: { type: 'boolean', default: false },
    /** The version of Node.js over a server: one that `npm run test:all` installs. */
    node: { type: 'string' },
    /** Processes per variant and program, one after the other. */
    processes: { type: 'string', default: '2' },
    /** Turns of each process, for each row. */
    rounds: { type: 'string', default: '8' },
    /** Checkouts after which the heap must not have grown. */
    checkouts: { type: 'string', default: '100000' },
    /** The part over a server alone. */
    server: { type: 'boolean', default: false },
  },
})
const processes = positive('processes')
const rounds = positive('rounds')
const checkouts = positive('checkouts')
const node = nodeBinary()
const document = new URL('../docs/benchmarks.md', import.meta.url)

const isPinned = pinToOneCore()
if (!options.server) show(table(offlineTable(await measureOffline(note))).join('\n'), 'offline')
show(render(await measureServer()), 'bench')
if (!options.server) show(renderStartUp(measureStartUp(note)), 'start-up')

function show(text: string, region: string): void {
  note('')
  process.stdout.write(`${text}\n\n`)
  if (options.write) publish(text, document, region)
}

/**
 * Whether client and server wake each other on one core or across cores differs from run to run, and costs more than all
 * that is measured here. What this process starts inherits it. Where there is no `taskset`, nothing is pinned.
 */
function pinToOneCore(): boolean {
  const lastCore = String(availableParallelism() - 1)
  const { status } = spawnSync('taskset', ['--cpu-list', '--pid', lastCore, String(process.pid)])
  return status === 0
}

async function measureServer(): Promise<Measurements> {
  const server = await provideServer()
  try {
    const place = { node, url: server.url }
    const machine = describeMachine(versionOf(node), await serverVersion(server.url))
    const main = await measure(
      {
        variants: [
          'bare',
          'twin',
          'observe',
          'enforce',
          'tag',
          'metricsSdk',
          'register',
          'unwatched',
          'otelOff',
          'otelOn',
          'wrapper',
          'wrapperLine',
          'stack',
          'least',
        ],
        workloads: Object.keys(workloads) as WorkloadName[],
        processes,
        rounds,
        checkouts,
      },
      place,
      note,
    )
    const rare = await measure(
      {
        variants: [
          'bare',
          'twin',
          'checked',
          'verify',
          'statistics',
          'timeline',
          'tagName',
          'tagPlain',
          'metricsApi',
        ],
        workloads: ['pool'],
        rows: ['query', 'transaction'],
        processes: 1,
        rounds,
      },
      place,
      note,
    )
    const versions = await measureVersions(server.url)
    note('sweeps')
    return {
      machine,
      isPinned,
      processes,
      rounds,
      main: main.figures,
      options: rare.figures,
      versions,
      retainedBytes: main.retainedBytes,
      checkouts,
      sweep: await answerOf<SweepCost>('sweep.mjs', node),
    }
  } finally {
    await server.stop()
  }
}

/** On the other versions of Node.js that are there. */
async function measureVersions(url: string): Promise<Map<string, Figures>> {
  const versions = new Map<string, Figures>()
  for (const binary of [20, 22, 24, 26].map(installedNode)) {
    if (binary === undefined || binary === node) continue
    const { figures } = await measure(
      {
        variants: ['bare', 'twin', 'observe', 'enforce'],
        workloads: ['pool'],
        rows: ['transaction'],
        processes,
        rounds,
      },
      { node: binary, url },
      note,
    )
    versions.set(versionOf(binary), figures)
  }
  return versions
}

function nodeBinary(): string {
  const { node: wanted } = options
  if (wanted === undefined) return installedNode(24) ?? process.execPath
  const binary = installedNode(wanted)
  if (binary !== undefined) return binary
  throw new Error(
    `--node ${wanted}: there is no Node.js ${wanted} in test/all, where npm run test:all installs some`,
  )
}

function versionOf(binary: string): string {
  return execFileSync(binary, ['--print', 'process.versions.node'], { encoding: 'utf8' }).trim()
}

async function serverVersion(url: string): Promise<string> {
  const client = new pg.Client(url)
  await client.connect()
  try {
    const { rows } = await client.query<{ server_version: string }>('SHOW server_version')
    return rows[0]?.server_version ?? 'unknown'
  } finally {
    await client.end()
  }
}

function positive(name: 'processes' | 'rounds' | 'checkouts'): number {
  const value = Number(options[name])
  if (Number.isInteger(value) && value > 0) return value
  throw new Error(`--${name} must be a positive whole number, got ${JSON.stringify(options[name])}`)
}

/** Progress, on a line that is overwritten; nothing where nobody watches. */
function note(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`)
}
