import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { sendRequests } from './load.ts'
import { leastOfTurn, type Meter } from './turn.mjs'
import { variants } from './variants.mjs'
import type { Request, VariantName, WorkloadName } from './worker.mjs'
import { type Workload, workloads } from './workloads.mjs'

/** The process of one variant of one workload. */
export interface Worker {
  readonly variant: VariantName
  warmUp(row: string, turns: number): Promise<void>
  /** Takes one turn. CPU microseconds per operation. */
  time(row: string): Promise<number>
  /** Heap growth in bytes per checkout, after so many of them. */
  retainedBytes(checkouts: number): Promise<number>
  /** Throws if the variant, or one of the rows, is not what it claims to be. */
  verify(rows: readonly string[]): Promise<void>
  stop(): void
}

export interface Place {
  /** The binary of Node.js. */
  readonly node: string
  /** Of the database. */
  readonly url: string
}

const root = fileURLToPath(new URL('..', import.meta.url))

/** All of them, or an error if one of them cannot be started. */
export async function startWorkers(
  place: Place,
  workload: WorkloadName,
  names: readonly VariantName[],
): Promise<Worker[]> {
  const started = await Promise.allSettled(names.map((name) => startWorker(place, workload, name)))
  const workers = started.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
  for (const result of started) {
    if (result.status === 'fulfilled') continue
    for (const worker of workers) worker.stop()
    throw result.reason
  }
  return workers
}

async function startWorker(place: Place, workload: WorkloadName, variant: VariantName): Promise<Worker> {
  const { rows }: Workload = workloads[workload]
  const child = new Child('worker.mjs', [variant, workload], {
    execPath: place.node,
    execArgv: variants[variant].execArgv ?? [],
    env: { PGLIFEGUARD_TEST_URL: place.url },
  })
  const serviceUrl = await child.answer<string | undefined>()
  const ask = <Answer>(request: Request) => child.ask<Answer>(request)
  const common: Pick<Worker, 'variant' | 'retainedBytes' | 'verify' | 'stop'> = {
    variant,
    retainedBytes: (checkouts) => ask<number>({ heap: checkouts }),
    verify: (names) => ask<void>({ verify: names }),
    stop: () => child.stop(),
  }
  if (serviceUrl === undefined) {
    return {
      ...common,
      warmUp: (row, turns) => ask<void>({ warmUp: row, turns }),
      time: (row) => ask<number>({ time: row }),
    }
  }
  const meter: Meter = {
    begin: () => ask<void>('begin'),
    end: () => ask<number>('end'),
    collect: () => ask<number>('collect'),
    run: (count) => sendRequests(serviceUrl, count),
  }
  const time = async (name: string) => {
    const row = rows[name]
    if (row === undefined) throw new Error(`${workload} has no row ${name}`)
    return await leastOfTurn(row, meter)
  }
  return {
    ...common,
    async warmUp(row, turns) {
      for (let done = 0; done < turns; done += 1) await time(row)
    },
    time,
  }
}

/** One of those that `npm run test:all` installs. */
export function installedNode(major: number | string): string | undefined {
  const binary = join(root, `test/all/node_modules/node-${major}/bin/node`)
  return existsSync(binary) ? binary : undefined
}

/** Those of these that are installed, or else the present one. */
export function nodeBinaries(majors: readonly number[]): string[] {
  const binaries = majors.map(installedNode).filter((binary) => binary !== undefined)
  return binaries.length === 0 ? [process.execPath] : binaries
}

/** What a program answers that measures one thing and ends. */
export async function answerOf<Answer>(file: string, node: string): Promise<Answer> {
  return new Child(file, [], { execPath: node, execArgv: [], env: {} }).answer<Answer>()
}

/** A process without this one's own loader, which would be measured too. */
class Child {
  readonly #name: string
  readonly #process: ChildProcess
  /** The end of what it has printed as errors. */
  #errors = ''

  constructor(
    file: string,
    args: readonly string[],
    options: { execPath: string; execArgv: readonly string[]; env: Record<string, string> },
  ) {
    this.#name = [file, ...args].join(' ')
    const own = Object.entries(process.env).filter(([name]) => !/^(?:NODE_|LIFEGUARD_)/.test(name))
    this.#process = fork(fileURLToPath(new URL(file, import.meta.url)), args, {
      cwd: root,
      execPath: options.execPath,
      // Room for the garbage of a turn: as much as V8 gives to a busy process by itself.
      execArgv: ['--expose-gc', '--min-semi-space-size=16', ...options.execArgv],
      env: { ...Object.fromEntries(own), ...options.env },
      stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
    })
    this.#process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#errors = (this.#errors + text).slice(-4000)
    })
  }

  ask<Answer>(request: Request): Promise<Answer> {
    this.#process.send(request)
    return this.answer<Answer>()
  }

  async answer<Answer>(): Promise<Answer> {
    const patience = new AbortController()
    const { signal } = patience
    try {
      return await Promise.race([
        once(this.#process, 'message', { signal }).then(([{ answer }]) => answer as Answer),
        once(this.#process, 'close', { signal }).then(([code]) => {
          throw new Error(`${this.#name} ended with ${code}:\n${this.#errors}`)
        }),
      ])
    } finally {
      patience.abort()
    }
  }

  stop(): void {
    if (this.#process.connected) this.#process.disconnect()
  }
}
