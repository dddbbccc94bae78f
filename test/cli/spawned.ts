import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { inject, onTestFinished } from 'vitest'
import { eventually } from '../support/eventually.ts'

const root = join(import.meta.dirname, '../..')

export interface SpawnedCommand {
  readonly process: ChildProcess
  readonly pid: number
  /** What it has printed up to now. */
  out(): string
  err(): string
  /** Waits until it has printed this on either stream. */
  printed(text: string | RegExp): Promise<void>
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>
}

export interface SpawnSetting {
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly cwd?: string
}

/** The file that `node` runs as `pg-lifeguard`. */
export function commandLine(): string {
  return join(inject('compiledPackage'), 'dist/cli/main.js')
}

/** Runs a command line in a process of its own, which is gone when the test ends. */
export function spawnLifeguard(args: readonly string[], { env, cwd }: SpawnSetting = {}): SpawnedCommand {
  const child = spawn(process.execPath, [commandLine(), ...args], {
    cwd: cwd ?? root,
    env: { ...withoutPostgres(process.env), ...env },
    // A process group of its own, so that whatever it has started can be ended with it.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let out = ''
  let err = ''
  child.stdout.on('data', (chunk) => {
    out += chunk
  })
  child.stderr.on('data', (chunk) => {
    err += chunk
  })
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal }))
  const { pid = 0 } = child
  onTestFinished(() => {
    try {
      process.kill(-pid, 'SIGKILL')
    } catch {
      // All of it has ended.
    }
  })
  return {
    process: child,
    pid,
    out: () => out,
    err: () => err,
    printed: (text) =>
      eventually(() => {
        const all = `${out}\n${err}`
        if (typeof text === 'string' ? all.includes(text) : text.test(all)) return
        throw new Error(`${text} was not printed, but:\n${all}`)
      }),
    ended,
  }
}

/** The machine that runs the tests may have a server of its own in its environment. */
function withoutPostgres(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !name.startsWith('PG') && name !== 'DATABASE_URL'),
  )
}
