import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { type CodeBlock, readPage, root } from '../docs/page.ts'
import { useDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'

// Somebody has the package and its README, nothing else, and does what it says.
const db = useDatabase()
const { blocks } = readPage('README.md')
const [, , leakCheck] = blocks.filter(({ language }) => language === 'ts')
const modules = blocks.filter(({ language, code }) => language === 'ts' && code.startsWith('// src/'))
let folder = ''

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pg-lifeguard-newcomer-'))
  const packed = run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], root)
  const [{ filename }] = JSON.parse(packed) as [{ filename: string }]
  write('package.json', '{ "type": "module" }')
  const companions = ['pg', 'express', 'vitest'].map((name) => `${name}@${versionOf(name)}`)
  const quiet = ['--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund']
  run('npm', ['install', ...quiet, `./${filename}`, ...companions], folder)
}, 300_000)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const leakyRoute = `app.get('/orders/:id', async (request, response) => {
  const client = await pool.connect() // here
  const { rows } = await client.query('SELECT 1 WHERE false')
  if (rows.length === 0) return response.status(404).end()
  client.release()
  response.json(rows)
})
const server = app.listen(0, '127.0.0.1', () => console.log('port ' + server.address().port))
`

it('finds a leak of a service without changing its code', async () => {
  const [install = '', start = ''] = commands()
  expect(install).toBe('npm install pg-lifeguard')
  write(
    'app.js',
    `import express from 'express'\nimport pg from 'pg'\nconst pool = new pg.Pool()\nconst app = express()\n${leakyRoute}`,
  )
  const report = await reportOf(start.split(' '))
  expect(report).toContain('pg-lifeguard: on, in mode observe')
  expect(report).toContain('pg-lifeguard: leak: outlived-scope')
  expect(report).toContain('in request GET /orders/:id')
  expect(report).toContain(`checked out at ${placeIn('app.js')}`)
})

it('finds it with the lifeguard in code', async () => {
  writeModules({ 'src/server.js': `import { pool } from './database.js'\n${leakyRoute}` })
  const report = await reportOf(['node', 'src/server.js'])
  expect(report).toContain('pg-lifeguard: leak: outlived-scope in pool main')
  expect(report).toContain('in request GET /orders/:id')
  expect(report).toContain(`checked out at ${placeIn('src/server.js')}`)
})

it('finds it in a test', () => {
  writeModules({})
  write('test/leak-check.js', leakCheck?.code ?? '')
  const config = /in vitest\.config\.js: (.*)$/m.exec(leakCheck?.code ?? '')?.[1]
  write('vitest.config.js', `export default { ${config} }`)
  write(
    'test/orders.test.js',
    `import { test } from 'vitest'
import { pool } from '../src/database.js'
test('reads an order', async () => {
  const client = await pool.connect() // here
  await client.query('SELECT 1')
})
`,
  )
  const { status, stdout, stderr } = start(['npx', 'vitest', 'run'])
  expect(status, stdout).toBe(1)
  expect(stderr).toContain('LeakError: outlived-scope in pool main')
  expect(stderr).toContain(`checked out at ${placeIn('test/orders.test.js')}`)
})

it('looks at the server', () => {
  const [, , check = ''] = commands()
  expect(check).toBe('npx pg-lifeguard check')
  const { status, stdout, stderr } = start(check.split(' '))
  expect([0, 1], stderr).toContain(status)
  expect(stdout).toMatch(/^PostgreSQL \d+\.\d+ at /)
})

/** The lines of the README for a shell, the first ones first. */
function commands(): string[] {
  return blocks.filter(({ language }) => language === 'sh').flatMap(({ code }) => code.split('\n'))
}

/** The modules that the README shows, each at the place that it names, with what follows in the reader's own. */
function writeModules(more: Readonly<Record<string, string>>): void {
  expect(modules).toHaveLength(2)
  for (const { code } of modules as CodeBlock[]) {
    const path = /^\/\/ (\S+)/.exec(code)?.[1] ?? ''
    write(path, `${code}\n${more[path] ?? ''}`)
  }
}

/** Starts a service, asks it once, and returns what it prints until the first report is complete. */
async function reportOf([command = '', ...args]: string[]): Promise<string> {
  const child = spawn(command === 'node' ? process.execPath : command, args, {
    cwd: folder,
    env: environment(),
  })
  onTestFinished(async () => {
    child.kill('SIGKILL')
    if (child.exitCode === null) await once(child, 'close')
  })
  let printed = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      printed += text
    })
  }
  const found = async (pattern: RegExp) => {
    await eventually(() => expect(printed).toMatch(pattern), { withinMillis: 60_000 })
    return pattern.exec(printed)?.[1] ?? ''
  }
  const port = await found(/port (\d+)/)
  expect((await fetch(`http://127.0.0.1:${port}/orders/7`)).status).toBe(404)
  await found(/last query: /)
  return printed
}

/** The line and the column of `pool.connect` in a file of the reader. */
function placeIn(path: string): string {
  const lines = readFileSync(join(folder, path), 'utf8').split('\n')
  const line = lines.findIndex((one) => one.endsWith('// here'))
  return `${path}:${line + 1}:${(lines[line]?.indexOf('connect') ?? 0) + 1}`
}

function write(path: string, text: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true })
  writeFileSync(join(folder, path), text)
}

function run(command: string, args: readonly string[], cwd: string): string {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8' })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stdout}${stderr}`)
  return stdout
}

function start([command = '', ...args]: readonly string[]) {
  return spawnSync(command, args, { cwd: folder, encoding: 'utf8', env: environment() })
}

/** As of a reader with a server, but without what Vitest and npm have set for themselves. */
function environment(): NodeJS.ProcessEnv {
  const { host, port, user, password, database } = db.config
  const { PATH, HOME } = process.env
  return {
    ...{ PATH, HOME, NO_COLOR: '1' },
    ...{ PGHOST: host, PGPORT: String(port), PGUSER: user, PGPASSWORD: password, PGDATABASE: database },
  }
}

function versionOf(name: string): string {
  return JSON.parse(readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8')).version
}
