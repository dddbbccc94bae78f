import { spawn } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, inject } from 'vitest'
import type { Finding } from '../../src/index.ts'
import type { TestDatabase } from '../support/database.ts'

const modules = join(import.meta.dirname, '../../node_modules')
/** A busy machine starts processes slowly; one that has said nothing by then never will. */
const hangingMillis = 60_000
export const applicationTestMillis = hangingMillis + 5_000

export interface Application {
  /** The findings, in order. */
  readonly findings: readonly Finding[]
  /** All that is not a finding. */
  readonly messages: readonly string[]
  readonly code: number | null
}

export interface ApplicationOptions {
  readonly env?: Readonly<Record<string, string>>
  /** The arguments before the file. Default: `--import pg-lifeguard/register`. */
  readonly nodeArgs?: readonly string[]
  /** The number of findings after which it is ended. Default 1. Without them it ends by itself. */
  readonly findings?: number
}

/**
 * Applications in a folder with the packages they name; none of them knows this package.
 *
 * @param packages those of this repository by their name, others by their folder as well
 */
export function useApplications(
  db: TestDatabase,
  packages: readonly (string | readonly [name: string, folder: string])[],
) {
  let folder = ''
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'pg-lifeguard-application-'))
    const published = join(folder, 'node_modules/pg-lifeguard')
    for (const part of ['package.json', 'dist']) {
      cpSync(join(inject('compiledPackage'), part), join(published, part), { recursive: true })
    }
    for (const one of packages) {
      const [name, target] = typeof one === 'string' ? [one, join(modules, one)] : one
      const link = join(folder, 'node_modules', name)
      mkdirSync(dirname(link), { recursive: true })
      symlinkSync(target, link, 'junction')
    }
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  return {
    file: (name: string) => join(folder, name),
    write(files: Readonly<Record<string, string>>) {
      for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
    },
    /** Runs a file until it has the findings that are expected, or ends. */
    async run(file: string, options: ApplicationOptions = {}): Promise<Application> {
      const { nodeArgs = ['--import', 'pg-lifeguard/register'], findings: expected = 1, env = {} } = options
      const child = spawn(process.execPath, [...nodeArgs, file], {
        cwd: folder,
        env: { ...environment(db), LIFEGUARD_REPORTER: 'json', LIFEGUARD_SCOPE_GRACE: '20ms', ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
        timeout: hangingMillis,
        killSignal: 'SIGKILL',
      })
      const findings: Finding[] = []
      const messages: string[] = []
      const read = (line: string) => {
        const event = line.startsWith('{') ? JSON.parse(line) : { event: 'text', message: line }
        if (event.event === 'finding') findings.push(event)
        else if (event.message) messages.push(event.message)
        if (findings.length >= expected) child.kill()
      }
      for (const stream of [child.stdout, child.stderr]) {
        let rest = ''
        stream.setEncoding('utf8').on('data', (text: string) => {
          const lines = (rest + text).split('\n')
          rest = lines.pop() ?? ''
          for (const line of lines) read(line)
        })
      }
      const code = await new Promise<number | null>((resolve, reject) => {
        child.on('error', reject)
        child.on('close', resolve)
      })
      return { findings, messages, code }
    },
  }
}

function environment(db: TestDatabase): NodeJS.ProcessEnv {
  const { host, port, user, password, database } = db.config
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    ...{ PGHOST: host, PGPORT: String(port), PGUSER: user, PGPASSWORD: password, PGDATABASE: database },
    DATABASE_URL: db.url,
    NO_COLOR: '1',
  }
  for (const name of ['NODE_OPTIONS', 'NODE_ENV', 'VITEST', 'FORCE_COLOR']) Reflect.deleteProperty(env, name)
  return env
}
