import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { useDatabase } from '../support/database.ts'
import { processTestMillis, runProcess } from './child-process.ts'

const db = useDatabase()
const modules = join(import.meta.dirname, '../../node_modules')

/** Runs after the imports of either kind of modules, and prints which files of the package are loaded by then. */
const program = `
const parts = () =>
  Object.keys(require.cache)
    .flatMap((file) => file.replaceAll('\\\\', '/').split('/pg-lifeguard/dist/cjs/')[1] ?? [])
    .sort()
const steps = {}
steps.import = parts()

async function main() {
  const pool = new pg.Pool({ ...config, max: 2 })
  const clock = manualClock()
  const printed = []
  const stream = { write: (text) => printed.push(text) }
  const reporters = [consoleReporter({ stream }), jsonLinesReporter({ stream })]
  const lifeguard = createLifeguard({ mode: 'enforce', clock, reporters, tag: { application: 'parts' } })
  lifeguard.watch(pool)
  steps.watch = parts()

  await pool.query('SELECT 1')
  await lifeguard.transaction(pool, (client) => client.query('SELECT 1'))
  steps.transaction = parts()

  for (let round = 0; round < 1000; round += 1) {
    const client = await pool.connect()
    await client.query('SELECT 1')
    client.release()
  }
  const client = await pool.connect()
  await client.query('BEGIN')
  await client.query('SELECT 1')
  const outcome = new Promise((resolve) => {
    for (const event of ['finding', 'remedied']) lifeguard.on(event, ({ outcome }) => outcome && resolve(outcome))
  })
  for (let second = 0; second < 60; second += 1) clock.advance(1000)
  steps.outcome = await outcome
  await client.query('ROLLBACK')
  client.release()
  await pool.end()
  steps.report = printed.length > 0 && parts()

  const knex = knexModule({ client: 'pg', connection: config, pool: { min: 0, max: 1 } })
  lifeguard.watch(knex)
  steps.knex = parts()
  await knex.raw('SELECT 1')
  await knex.destroy()
  const database = drizzle({ client: new pg.Pool(config) })
  lifeguard.watch(database)
  steps.drizzle = parts()
  await lifeguard.close()
  console.log(JSON.stringify(steps))
}
main()
`
const names = 'consoleReporter, createLifeguard, jsonLinesReporter, manualClock'
const heads = {
  import: `
import { createRequire } from 'node:module'
import { drizzle } from 'drizzle-orm/node-postgres'
import knexModule from 'knex'
import pg from 'pg'
import { ${names} } from 'pg-lifeguard'
const require = createRequire(import.meta.url)
`,
  require: `
const { drizzle } = require('drizzle-orm/node-postgres')
const knexModule = require('knex')
const pg = require('pg')
const { ${names} } = require('pg-lifeguard')
`,
}

let folder = ''
beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'pg-lifeguard-parts-')))
  for (const part of ['package.json', 'dist']) {
    cpSync(join(inject('compiledPackage'), part), join(folder, 'node_modules/pg-lifeguard', part), {
      recursive: true,
    })
  }
  for (const name of ['pg', 'knex', 'drizzle-orm', '@opentelemetry/api']) {
    const link = join(folder, 'node_modules', name)
    mkdirSync(dirname(link), { recursive: true })
    symlinkSync(join(modules, name), link, 'junction')
  }
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe.each(['import', 'require'] as const)('a service that gets the package by %s', (kind) => {
  it(
    'loads the core at once with all that rules and remedies need, and another host when it watches one',
    async () => {
      const file = join(folder, kind === 'import' ? 'service.mjs' : 'service.cjs')
      writeFileSync(file, `${heads[kind]}const config = ${JSON.stringify(db.config)}\n${program}`)
      const { stdout, stderr } = await runProcess(file)
      expect(stderr).toBe('')
      const core = ['index.js', 'pg-lifeguard.js']
      expect(JSON.parse(stdout)).toEqual({
        import: core,
        watch: core,
        transaction: core,
        outcome: 'rolled-back',
        report: core,
        knex: ['hosts/knex.js', ...core],
        drizzle: ['hosts/holders.js', 'hosts/knex.js', ...core],
      })
    },
    processTestMillis,
  )
})

const exhausted = `
import { openSync, closeSync } from 'node:fs'
async function main() {
  const pool = new pg.Pool({ ...config, max: 1 })
  const clock = manualClock()
  const printed = []
  const stream = { write: (text) => printed.push(text) }
  const reporters = [consoleReporter({ stream }), jsonLinesReporter({ stream })]
  const lifeguard = createLifeguard({ mode: 'enforce', clock, reporters })
  lifeguard.watch(pool)
  const client = await pool.connect()
  await client.query('BEGIN')
  await client.query('SELECT 1')
  const outcome = new Promise((resolve) => {
    for (const event of ['finding', 'remedied']) lifeguard.on(event, ({ outcome }) => outcome && resolve(outcome))
  })
  const files = []
  let code
  while (code === undefined) {
    try {
      files.push(openSync('/dev/null', 'r'))
    } catch (error) {
      code = error.code
    }
  }
  for (let second = 0; second < 60; second += 1) clock.advance(1000)
  const result = [code, await outcome]
  for (const file of files) closeSync(file)
  const [lines, texts] = [/^{.*"kind":"idle-transaction"/, /exhausted\\.mjs/]
  result.push(printed.some((text) => lines.test(text)), printed.some((text) => texts.test(text) && text[0] !== '{'))
  await client.query('ROLLBACK')
  client.release()
  await pool.end()
  await lifeguard.close()
  console.log(JSON.stringify(result))
}
main()
`

it.skipIf(process.platform === 'win32')(
  'reports and rolls back when the process can open no file',
  async () => {
    const file = join(folder, 'exhausted.mjs')
    writeFileSync(file, `${heads.import}const config = ${JSON.stringify(db.config)}\n${exhausted}`)
    const limited = `ulimit -n 100; exec "$0" "$1"`
    const { stdout, stderr } = await promisify(execFile)('sh', ['-c', limited, process.execPath, file], {
      env: { ...process.env, NODE_OPTIONS: '', NO_COLOR: '1' },
      timeout: processTestMillis,
    })
    expect(stderr).toBe('')
    expect(JSON.parse(stdout)).toEqual(['EMFILE', 'rolled-back', true, true])
  },
)

const bundled = `
import { lifeguardMiddleware } from 'pg-lifeguard/express'
import { instrumentLifeguard } from 'pg-lifeguard/otel'
import { pageHandler } from 'pg-lifeguard/page'
import { connectControl } from 'pg-lifeguard/postgres'
import { createLifeguard } from 'pg-lifeguard'
import pg from 'pg'

const pool = new pg.Pool(config)
const lifeguard = createLifeguard({ reporters: [] })
lifeguard.watch(pool)
const end = instrumentLifeguard(lifeguard)
const { rows } = await lifeguard.transaction(pool, (client) => client.query('SELECT 1 AS one'))
await using control = await connectControl({ url })
end()
await lifeguard.close()
await pool.end()
console.log(JSON.stringify([rows, typeof lifeguardMiddleware, typeof pageHandler]))
`

it('runs in a bundle that is an ES module, which has no `require` for what the bundler leaves out', async () => {
  const source = join(folder, 'bundled.mjs')
  const outfile = join(folder, 'bundle.mjs')
  writeFileSync(source, bundled)
  await build({
    entryPoints: [source],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    external: ['pg', '@opentelemetry/api'],
    define: { config: JSON.stringify(db.config), url: JSON.stringify(db.url) },
  })
  const { stdout, stderr } = await runProcess(outfile)
  expect(stderr).toBe('')
  expect(JSON.parse(stdout)).toEqual([[{ one: 1 }], 'function', 'function'])
})
