import { spawn } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, inject, onTestFinished } from 'vitest'
import type { TestDatabase } from '../support/database.ts'
import type { Runner } from './runners.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
/** A busy machine starts processes slowly; one that has not come to its end by then never will. */
const hangingMillis = 90_000
/** For tests that run a runner. */
export const runnerTestMillis = hangingMillis + 5_000

export interface RunOutcome {
  readonly code: number | null
  readonly output: string
}

export interface Project {
  readonly folder: string
  /** Writes files, by their path in the project. */
  write(files: Readonly<Record<string, string>>): void
  read(path: string): string
  run(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<RunOutcome>
  /** The same, and writes the file `told` as soon as the text is printed. */
  runUntilTold(text: string, args: readonly string[]): Promise<RunOutcome>
  /** Runs a command that goes on until it is ended; the end of the test ends it. */
  start(command: readonly string[]): RunningRunner
}

export interface RunningRunner {
  /** All that was printed so far. */
  output(): string
  /** Resolves with the exit code. */
  end(): Promise<number | null>
}

/**
 * A project of a user: this package as it is published, the driver and a test runner in its `node_modules`, and a
 * module `src/database.js` with a pool and its lifeguard.
 */
export function useProject(runner: Runner, db: TestDatabase): Project {
  let folder = ''
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'pg-lifeguard-project-'))
    const published = join(folder, 'node_modules/pg-lifeguard')
    for (const part of ['package.json', 'dist']) {
      cpSync(join(inject('compiledPackage'), part), join(published, part), { recursive: true })
    }
    for (const [name, target] of Object.entries({ pg: join(root, 'node_modules/pg'), ...runner.packages })) {
      const link = join(folder, 'node_modules', name)
      mkdirSync(dirname(link), { recursive: true })
      symlinkSync(target, link, 'junction')
    }
    const type = runner.commonJs === true ? 'commonjs' : 'module'
    project.write({ 'package.json': JSON.stringify({ type }), 'src/database.js': database, ...runner.files })
  }, 60_000)
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  const project: Project = {
    get folder() {
      return folder
    },
    write(files) {
      for (const [path, text] of Object.entries(files)) {
        mkdirSync(dirname(join(folder, path)), { recursive: true })
        const isRewritten = runner.commonJs === true && path.endsWith('.js')
        writeFileSync(join(folder, path), isRewritten ? asCommonJs(text) : text)
      }
    },
    read: (path) => readFileSync(join(folder, path), 'utf8'),
    run(args, extra = {}) {
      return outcomeOf(spawnNode([...runner.command, ...args], folder, { ...environment(), ...extra }))
    },
    async runUntilTold(text, args) {
      rmSync(join(folder, 'told'), { force: true })
      const running = spawnNode([...runner.command, ...args], folder, environment())
      for (const stream of [running.child.stdout, running.child.stderr]) {
        stream.on('data', () => {
          if (running.output().includes(text)) project.write({ told: '' })
        })
      }
      return await outcomeOf(running)
    },
    start(command) {
      const { child, output } = spawnNode(command, folder, environment(), { inOrder: true })
      const closed = new Promise<number | null>((resolve) => child.on('close', resolve))
      const end = () => {
        child.kill()
        return closed
      }
      onTestFinished(async () => void (await end()))
      return { output, end }
    },
  }

  function environment(): NodeJS.ProcessEnv {
    const { host, port, user, password, database: name } = db.config
    const env: NodeJS.ProcessEnv = {
      ...process.env,
      ...{ PGHOST: host, PGPORT: String(port), PGUSER: user, PGPASSWORD: password, PGDATABASE: name },
      NO_COLOR: '1',
      ...runner.env,
    }
    // Vitest's own flags and variables are none of the child's.
    for (const key of Object.keys(env)) {
      const isOurs = ['NODE_OPTIONS', 'NODE_ENV', 'VITEST', 'FORCE_COLOR', 'CI'].includes(key)
      if (key.startsWith('VITEST_') || (isOurs && runner.env?.[key] === undefined)) {
        Reflect.deleteProperty(env, key)
      }
    }
    return env
  }
  return project
}

/** `inOrder`: what is written to stdout and to stderr keeps its order, as two pipes do not. */
function spawnNode(
  command: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv,
  { inOrder = false } = {},
) {
  const [file, args] = inOrder
    ? ['sh', ['-c', 'exec "$0" "$@" 2>&1', process.execPath, ...command]]
    : [process.execPath, command]
  const child = spawn(file, args, {
    cwd,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: hangingMillis,
    killSignal: 'SIGKILL',
  })
  let output = ''
  const add = (text: string) => {
    output += text
  }
  child.stdout.setEncoding('utf8').on('data', add)
  child.stderr.setEncoding('utf8').on('data', add)
  return { child, output: () => output }
}

function outcomeOf({ child, output }: ReturnType<typeof spawnNode>): Promise<RunOutcome> {
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, output: output() }))
  })
}

/** Line by line, so that each statement keeps its line. */
function asCommonJs(text: string): string {
  return text
    .replace(
      /^(\s*)import (.+) from ('[^']+')/gm,
      (_match, indent, names: string, from) =>
        `${indent}const ${names.replaceAll(' as ', ': ')} = require(${from})`,
    )
    .replace(/^export const (\w+) =/gm, 'const $1 = exports.$1 =')
    .replace(/^(\s*)export default async function/gm, '$1module.exports = async function')
    .replace(/^(\s*)export default/gm, '$1module.exports =')
}

const database = `
import pg from 'pg'
import { createLifeguard } from 'pg-lifeguard'

export const pool = new pg.Pool({ max: 4, allowExitOnIdle: true, connectionTimeoutMillis: 20000 })
export const lifeguard = createLifeguard({ reporters: [] })
lifeguard.watch(pool, { name: 'main' })
`
