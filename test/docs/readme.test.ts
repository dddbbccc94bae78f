import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { useDatabase } from '../support/database.ts'
import { readPage } from './page.ts'

const db = useDatabase()
const folder = join(import.meta.dirname, 'readme')
const tsx = createRequire(import.meta.url).resolve('tsx/cli')
const { blocks } = readPage('README.md')

describe('the first screen of the README', () => {
  let printed = ''

  beforeAll(async () => {
    await db.query('CREATE TABLE datasets (id text PRIMARY KEY, name text NOT NULL)')
    await db.query('CREATE TABLE runs (id int PRIMARY KEY, dataset_id text NOT NULL, score int NOT NULL)')
    printed = await stderrOfPlay()
  })

  it('sets up what the story is played with, but for its clock', () => {
    const played = readFileSync(join(folder, 'src/database.ts'), 'utf8')
    const told = played.replace("import { clock } from '../clock.ts'\n", '').replace('{ clock }', '')
    expect(blocks.find(({ language }) => language === 'ts')?.code).toBe(told.trimEnd())
  })

  it('shows what is printed, but for the process id', () => {
    const report = blocks.find(({ language }) => language === 'text')?.code ?? ''
    expect(withoutPids(report)).toBe(withoutPids(printed.slice(printed.indexOf('\n\n')).trim()))
  })

  it('says what the pool lacks before that, in one line', () => {
    expect(printed.split('\n\n')[0]).toMatch(/^\S+Z pg-lifeguard: pool main .*statement_timeout.*$/)
  })
})

function stderrOfPlay(): Promise<string> {
  const { host, port, user, password, database } = db.config
  const env = {
    ...process.env,
    ...{ PGHOST: host, PGPORT: String(port), PGUSER: user, PGPASSWORD: password, PGDATABASE: database },
    NO_COLOR: '1',
  }
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [tsx, 'play.ts'], { cwd: folder, env }, (error, _stdout, stderr) => {
      if (error === null) resolve(stderr)
      else reject(new Error(`the story did not come to its end: ${stderr}`, { cause: error }))
    })
  })
}

/** What differs from run to run: process ids, and the time of day before a report. */
function withoutPids(report: string): string {
  return report
    .replaceAll(/^\d{4}-\d\d-\d\dT[\d:]+Z (?=pg-lifeguard:)/gm, '')
    .replaceAll(/(?<=pid |pg_terminate_backend\()\d+/g, 'N')
}
