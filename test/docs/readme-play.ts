import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { join } from 'node:path'

const folder = join(import.meta.dirname, 'readme')
const tsx = createRequire(import.meta.url).resolve('tsx/cli')

export interface ServerAddress {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
  readonly database: string
}

/** The tables of the story. */
export const tables = [
  'CREATE TABLE datasets (id text PRIMARY KEY, name text NOT NULL)',
  'CREATE TABLE runs (id int PRIMARY KEY, dataset_id text NOT NULL, score int NOT NULL)',
]

/** Plays the story on the first screen of the README. Returns what it prints on stderr. */
export function playReadme(server: ServerAddress, { colors = false } = {}): Promise<string> {
  const { host, port, user, password, database } = server
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    ...{ PGHOST: host, PGPORT: String(port), PGUSER: user, PGPASSWORD: password, PGDATABASE: database },
  }
  Reflect.deleteProperty(env, 'NO_COLOR')
  Reflect.deleteProperty(env, 'FORCE_COLOR')
  env[colors ? 'FORCE_COLOR' : 'NO_COLOR'] = '1'
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [tsx, 'play.ts'], { cwd: folder, env }, (error, _stdout, stderr) => {
      if (error === null) resolve(stderr)
      else reject(new Error(`the story did not come to its end: ${stderr}`, { cause: error }))
    })
  })
}

/** The report in what was printed, after the first line about the pool. */
export function reportIn(printed: string): string {
  return printed.slice(printed.indexOf('\n\n')).trim()
}

/** Without what differs from run to run: process ids, and the time of day before a report. */
export function withoutPids(report: string): string {
  return report
    .replaceAll(/^\d{4}-\d\d-\d\dT[\d:]+Z (?=pg-lifeguard:)/gm, '')
    .replaceAll(/(?<=pid |pg_terminate_backend\()\d+/g, 'N')
}
