/**
 * Measures what the guard costs: `npm run bench`, options below. Each variant runs in processes of its own; they take
 * turns, batch by batch, so that whatever else the machine does meets all of them.
 */
import { type ChildProcess, fork, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import pg from 'pg'
import { provideServer } from '../test/support/embedded-server.ts'
import { measureOffline } from './offline.ts'
import { operations } from './operations.mjs'
import { describeMachine, type Measurements, publish, render } from './report.ts'
import { measureStartUp, renderStartUp } from './start-up.ts'
import type { SweepCost } from './sweep.mjs'
import { variants } from './variants.mjs'
import type { OperationName, Request, VariantName } from './worker.mjs'

const { values: options } = parseArgs({
  options: {
    /** Writes the tables into docs/benchmarks.md. */
    write: { type: 'boolean', default: false },
    /** Processes per variant, one after the other: two processes of the same program differ by some percent. */
    processes: { type: 'string', default: '3' },
    /** Batches per process and operation. */
    rounds: { type: 'string', default: '12' },
    /** Checkouts after which the heap must not have grown. */
    checkouts: { type: 'string', default: '100000' },
    /** Such as `bare,observe`. */
    variants: { type: 'string', default: Object.keys(variants).join() },
  },
})
const processes = positive('processes')
const rounds = positive('rounds')
const checkouts = positive('checkouts')
const variantNames = chosenVariants()
const operationNames = Object.keys(operations) as OperationName[]

/** Long enough for V8 to have compiled whatever it is going to compile. */
const warmUpBatches = 15

const isPinned = pinToOneCore()
const offline = await measureOffline(note)
const server = await provideServer()
try {
  const measurements = { offline, ...(await measure(server.url)) }
  const text = render(measurements)
  process.stdout.write(`${text}\n`)
  const startUp = renderStartUp(measureStartUp(note))
  note('')
  process.stdout.write(`\n${startUp}\n`)
  if (options.write) {
    const document = new URL('../docs/benchmarks.md', import.meta.url)
    publish(text, document)
    publish(startUp, document, 'start-up')
  }
} finally {
  await server.stop()
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

async function measure(url: string): Promise<Omit<Measurements, 'offline'>> {
  const micros: Measurements['micros'] = new Map()
  const retainedBytes: Measurements['retainedBytes'] = new Map()
  for (let generation = 1; generation <= processes; generation += 1) {
    note(`processes ${generation} of ${processes}: warming up`)
    const workers = await startWorkers(url)
    try {
      await warmUp(workers)
      for (let round = 1; round <= rounds; round += 1) {
        note(`processes ${generation} of ${processes}: round ${round} of ${rounds}`)
        await measureRound(inTurnFrom(workers, round), micros)
      }
      if (generation === processes) {
        for (const worker of workers) {
          note(`heap: ${worker.name}`)
          retainedBytes.set(worker.name, await worker.ask<number>({ heap: checkouts }))
        }
      }
      for (const worker of workers) await worker.ask('verify')
    } finally {
      for (const worker of workers) worker.stop()
    }
  }
  note('sweeps')
  const sweep = variantNames.includes('observe') ? await measureSweeps() : undefined
  note('')
  return {
    machine: describeMachine(await serverVersion(url)),
    isPinned,
    processes,
    rounds,
    micros,
    retainedBytes,
    checkouts,
    sweep,
  }
}

/** All at the same time, because their speed does not matter yet. */
async function warmUp(workers: readonly Worker[]): Promise<void> {
  const warm = async (worker: Worker) => {
    for (const operation of operationNames) await worker.ask({ warmUp: operation, batches: warmUpBatches })
  }
  await Promise.all(workers.map(warm))
}

async function measureRound(workers: readonly Worker[], micros: Measurements['micros']): Promise<void> {
  for (const operation of operationNames) {
    for (const worker of workers) {
      const taken = await worker.ask<number>({ time: operation })
      const figures = micros.get(worker.name) ?? new Map<OperationName, number[]>()
      micros.set(worker.name, figures.set(operation, [...(figures.get(operation) ?? []), taken]))
    }
  }
}

/** Each round begins with another one, so that no variant always follows the same other. */
function inTurnFrom(workers: readonly Worker[], round: number): readonly Worker[] {
  const first = round % workers.length
  return [...workers.slice(first), ...workers.slice(0, first)]
}

interface Worker {
  readonly name: VariantName
  ask<Answer>(request: Request): Promise<Answer>
  stop(): void
}

async function startWorkers(url: string): Promise<Worker[]> {
  const started = await Promise.allSettled(variantNames.map((name) => startWorker(name, url)))
  const workers = started.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
  for (const result of started) {
    if (result.status === 'fulfilled') continue
    for (const worker of workers) worker.stop()
    throw result.reason
  }
  return workers
}

async function startWorker(name: VariantName, url: string): Promise<Worker> {
  const child = forkBare('worker.mjs', [name], { PGLIFEGUARD_TEST_URL: url })
  await answerOf(child, name)
  return {
    name,
    async ask<Answer>(request: Request) {
      child.send(request)
      return (await answerOf(child, name)) as Answer
    },
    stop: () => {
      if (child.connected) child.disconnect()
    },
  }
}

async function measureSweeps(): Promise<SweepCost> {
  return (await answerOf(forkBare('sweep.mjs', [], {}), 'sweep')) as SweepCost
}

/** Without this process's own loader, which would be measured too. */
function forkBare(file: string, args: string[], environment: Record<string, string>): ChildProcess {
  return fork(fileURLToPath(new URL(file, import.meta.url)), args, {
    execArgv: ['--expose-gc'],
    env: { ...process.env, NODE_OPTIONS: '', ...environment },
  })
}

async function answerOf(child: ChildProcess, name: string): Promise<unknown> {
  const patience = new AbortController()
  const { signal } = patience
  try {
    return await Promise.race([
      once(child, 'message', { signal }).then(([{ answer }]) => answer),
      once(child, 'exit', { signal }).then(([code]) => {
        throw new Error(`the process of ${name} ended with ${code}; what it said is above`)
      }),
    ])
  } finally {
    patience.abort()
  }
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

function chosenVariants(): VariantName[] {
  const known = Object.keys(variants) as VariantName[]
  const chosen = options.variants.split(',')
  const unknown = chosen.filter((name) => !known.some((each) => each === name))
  if (unknown.length > 0) throw new Error(`--variants knows ${known.join(', ')}, not ${unknown.join(', ')}`)
  // Ratios are to the bare pool, and without its twin nobody knows what they are worth.
  return known.filter((name) => name === 'bare' || name === 'twin' || chosen.includes(name))
}

/** Progress, on a line that is overwritten; nothing where nobody watches. */
function note(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`)
}
