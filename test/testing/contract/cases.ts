import type { Runner } from '../runners.ts'

/** A test in the user's project, and what is to become of it. */
export interface Case {
  readonly name: string
  /** In the order in which they run. A line with `// <--` is the one to be blamed. */
  readonly body: string
  /** What its failure says; absent where it is to pass. */
  readonly fails?: readonly RegExp[]
  /** The suite that it is alone in, with its hooks, around `TEST`. */
  readonly suite?: string
  readonly for?: (runner: Runner) => boolean
}

const allFree = `
  const clients = []
  for (let n = 0; n < 4; n++) clients.push(await pool.connect())
  await clients[0].query('SET lock_timeout = 10000')
  await clients[0].query('TRUNCATE items')
  for (const client of clients) client.release(true)`

const concurrently = (runner: Runner) => runner.concurrent !== undefined

export const cases: readonly Case[] = [
  {
    name: 'a session that is never released fails its test',
    body: `
  const client = await pool.connect() // <--
  await client.query('SELECT 1')`,
    fails: [
      /LeakError/,
      /outlived-scope in pool main/,
      /release was not reached/,
      /the session was destroyed/,
    ],
  },
  { name: 'after it all clients are free', body: allFree },
  {
    name: 'a session that is released passes',
    body: `
  const client = await pool.connect()
  try {
    await client.query('SELECT 1')
  } finally {
    client.release()
  }`,
  },
  {
    name: 'a transaction that is left open fails its test',
    body: `
  const client = await pool.connect() // <--
  await client.query('BEGIN')
  await client.query('LOCK TABLE items IN ACCESS EXCLUSIVE MODE')`,
    fails: [/outlived-scope in pool main/, /neither COMMIT, ROLLBACK nor release was reached/],
  },
  { name: 'after it its locks are gone', body: allFree },
  {
    name: 'a client released inside its transaction fails its test',
    body: `
  const client = await pool.connect() // <--
  await client.query('BEGIN')
  await client.query('LOCK TABLE items IN ACCESS EXCLUSIVE MODE')
  client.release()`,
    fails: [/dirty-release in pool main/, /released between BEGIN and COMMIT/],
  },
  {
    name: 'a client released in a failed transaction fails its test',
    body: `
  const client = await pool.connect() // <--
  await client.query('BEGIN')
  try {
    await client.query('SELECT 1 / 0')
  } catch {
  } finally {
    client.release()
  }`,
    fails: [/dirty-release in pool main/, /the error path needs one/],
  },
  {
    name: 'a client released with a setting left behind fails its test',
    body: `
  const client = await pool.connect() // <--
  await client.query('SET search_path TO elsewhere')
  client.release()`,
    fails: [/session-state in pool main/, /search_path left for the next owner/],
  },
  {
    name: 'after it the setting is gone',
    body: `
  const clients = []
  for (let n = 0; n < 4; n++) clients.push(await pool.connect())
  for (const client of clients) {
    const { rows } = await client.query('SHOW search_path')
    if (rows[0].search_path === 'elsewhere') throw new Error('it is still there')
    client.release()
  }`,
  },
  {
    name: 'a transaction that is committed passes',
    body: `
  await lifeguard.transaction(pool, (client) => client.query('SELECT 1'))`,
  },
  {
    name: 'a client released twice fails its test',
    body: `
  const client = await pool.connect()
  await client.query('SELECT 1')
  client.release()
  try {
    client.release() // <--
  } catch {}`,
    fails: [/double-release in pool main/],
  },
  {
    name: 'a session that is released a little after the test passes',
    body: `
  const client = await pool.connect()
  setTimeout(() => client.release(), 10)`,
  },
  {
    name: 'a session that nobody waits for fails its test',
    body: `
  void pool.connect() // <--`,
    fails: [/outlived-scope in pool main/, /acquired this client after that|never used/],
  },
  {
    name: 'what is exempted passes, and stays',
    body: `
  const client = await pool.connect()
  lifeguard.exempt(client, 'LISTEN connection')
  await client.query('SELECT 1')
  keep.exempted = client`,
  },
  {
    name: 'what is ignored passes, and stays',
    body: `
  async function listenForever() {
    return await pool.connect()
  }
  keep.ignored = await listenForever()`,
  },
  {
    name: 'what stays can be used, and released, by a later test',
    body: `
  for (const client of [keep.exempted, keep.ignored]) {
    await client.query('SELECT 1')
    client.release()
  }`,
  },
  {
    name: 'a test may say that it leaks',
    body: `
  allowLeaks(lifeguard, 'the leak is what it is about')
  const client = await pool.connect()
  await client.query('BEGIN')`,
  },
  { name: 'after it, too, all clients are free', body: allFree },
  {
    name: 'a test that fails by itself keeps its own message',
    body: `
  const client = await pool.connect()
  await client.query('BEGIN')
  await client.query('LOCK TABLE items IN ACCESS EXCLUSIVE MODE')
  throw new Error('as it should be')`,
    fails: [/as it should be/, /^(?!(?:.|\n)*LeakError)/],
  },
  { name: 'after it what it had is free', body: allFree },
  {
    name: 'what a hook of the test releases passes',
    suite: `
  afterEach(() => keep.client.release())
  beforeEach(async () => {
    keep.client = await pool.connect()
  })
  TEST`,
    body: `
  await keep.client.query('SELECT 1')`,
  },
  {
    name: 'what a hook of the test takes and nobody releases fails it',
    suite: `
  beforeEach(async () => {
    const client = await pool.connect() // <--
    await client.query('SELECT 1')
  })
  afterEach(() => {})
  TEST`,
    body: `
  await pool.query('SELECT 1')`,
    fails: [/outlived-scope in pool main/],
  },
  {
    name: 'what the suite holds is not the fault of a test',
    suite: `
  beforeAll(async () => {
    keep.suite = await pool.connect()
    await keep.suite.query('BEGIN')
  })
  afterAll(async () => {
    await keep.suite.query('ROLLBACK')
    keep.suite.release()
  })
  TEST`,
    body: `
  await keep.suite.query('SELECT 1')`,
  },
  {
    name: 'what a request of the test leaves behind fails the test',
    body: `
  const server = createServer(
    withRequestScope(lifeguard, async (request, response) => {
      const client = await pool.connect() // <--
      await client.query('SELECT 1')
      response.end('done')
    }),
  ).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const response = await fetch('http://127.0.0.1:' + server.address().port + '/leaky')
  await response.text()
  server.close()
  server.closeAllConnections()`,
    fails: [/outlived-scope in pool main/, /in request GET \/leaky/],
  },
  ...[1, 2, 3, 4, 5, 6].map(
    (n): Case => ({
      name: `of those that run at the same time, number ${n} ${n % 2 === 0 ? 'leaks' : 'does not'}`,
      body: `
  await sleep(${(n * 7) % 5})
  const client = await pool.connect() ${n % 2 === 0 ? '// <--' : ''}
  await client.query('SELECT pg_sleep(0.01)')
  ${n % 2 === 0 ? '' : 'client.release()'}`,
      ...(n % 2 === 0 ? { fails: [/outlived-scope in pool main/] } : {}),
      for: concurrently,
    }),
  ),
]

/** The cases as one test file for a runner. */
export function caseFile(runner: Runner): { text: string; lineOf(name: string): number } {
  const own = cases.filter((one) => one.for?.(runner) ?? true)
  const together = own.filter((one) => one.for === concurrently)
  const alone = own.filter((one) => one.for !== concurrently)
  const blocks = alone.map(({ name, body, suite }) => {
    const test = `test(${JSON.stringify(name)}, async () => {${body}\n})`
    return suite === undefined ? test : `describe('with hooks', () => {${suite.replace('TEST', test)}\n})`
  })
  const group = together.map(({ name, body }) => runner.concurrent?.(name, `${body}\n`) ?? '').join('\n')
  const text = [
    runner.header,
    "import { once } from 'node:events'",
    "import { createServer } from 'node:http'",
    "import { setTimeout as sleep } from 'node:timers/promises'",
    "import { withRequestScope } from 'pg-lifeguard/http'",
    "import { allowLeaks } from 'pg-lifeguard/testing'",
    "import { lifeguard, pool } from '../src/database.js'",
    'const keep = {}',
    'afterAll(() => pool.end())',
    ...blocks,
    runner.concurrentGroup?.(group) ?? group,
    '',
  ].join('\n')
  const lines = text.split('\n')
  return {
    text,
    lineOf(name) {
      const own = lines.findIndex((line) => line.includes(JSON.stringify(name)))
      const marked = (index: number) => lines[index]?.includes('// <--')
      const suite = lines.findLastIndex((line, index) => index < own && line.startsWith('describe('))
      const before = lines.findLastIndex(
        (line, index) => index < own && (line.startsWith('test(') || line === '})'),
      )
      // In the hooks of its suite, or in its body.
      for (let index = suite > before ? suite : own; index < lines.length; index++) {
        if (marked(index)) return index + 1
      }
      throw new Error(`no line of ${name} is marked`)
    },
  }
}
