import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { useDatabase } from '../../../support/database.ts'
import { eventually } from '../../../support/eventually.ts'
import { readOutput, useBundleProject } from './bundle-project.ts'

const modules = join(import.meta.dirname, '../../node_modules')
const names = ['next', '@next', 'react', 'react-dom', '@swc', 'typescript']
const db = useDatabase()
const project = useBundleProject(db, Object.fromEntries(names.map((name) => [name, modules])))

/** A pool with a lifeguard of one of the copies: that of \`serverExternalPackages\`, or the other one. */
const database = (name: string) => `
import pg from 'pg'
import { createLifeguard } from '${name}'

export const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL })
export const lifeguard = createLifeguard({ reporters: [], limits: { idleTransactionMillis: 50 } })
lifeguard.watch(pool, { name: '${name}' })
lifeguard.on('finding', (finding) => console.log(JSON.stringify({ event: 'finding', ...finding })))`

const leak = (name: string) => `
import { pool } from '../../../${name}'

export const dynamic = 'force-dynamic'
export async function GET() {
  const released = await pool.connect() // checks out
  released.release()
  try {
    released.release() // releases again
  } catch {}
  const client = await pool.connect() // leaks
  await client.query('BEGIN')
  return Response.json('answered')
}`

const files = {
  'package.json': '{ "private": true }',
  'next.config.mjs': `export default {
    // The modules of this test are links to elsewhere.
    turbopack: { root: '/' },
    serverExternalPackages: ['pg', 'pg-lifeguard'],
    typescript: { ignoreBuildErrors: true },
  }`,
  'app/layout.js': 'export default ({ children }) => <html><body>{children}</body></html>',
  'pg-lifeguard.js': database('pg-lifeguard'),
  'other-lifeguard.js': database('other-lifeguard'),
  'app/api/external/route.js': leak('pg-lifeguard'),
  'app/api/bundled/route.js': leak('other-lifeguard'),
  'app/api/orders/[id]/route.js': `
import pg from 'pg'

export const dynamic = 'force-dynamic'
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL })
export async function GET() {
  const client = await pool.connect() // leaks
  await client.query('SELECT 1')
  return Response.json('answered')
}`,
  'app/api/crossed/route.js': `
import { lifeguard as one, pool as itsPool } from '../../../pg-lifeguard'
import { lifeguard as other, pool as otherPool } from '../../../other-lifeguard'
import { verifyNone as ofOne } from 'pg-lifeguard/testing'
import { verifyNone as ofOther } from 'other-lifeguard/testing'

export const dynamic = 'force-dynamic'
async function judge(verifyNone, lifeguard, pool) {
  const before = await verifyNone(lifeguard, { settleMillis: 0 }).then(() => 'clean', ({ name }) => name)
  const client = await pool.connect()
  const held = await verifyNone(lifeguard, { settleMillis: 0 }).then(() => 'clean', ({ name }) => name)
  client.release()
  return [before, held]
}
export async function GET() {
  return Response.json([await judge(ofOther, one, itsPool), await judge(ofOne, other, otherPool)])
}`,
} as const

const next = () => project.file('node_modules/next/dist/bin/next')
const quiet = { NEXT_TELEMETRY_DISABLED: '1' }

beforeAll(async () => {
  project.write(files)
  const options = { cwd: project.file('.'), env: project.environment(quiet) }
  await promisify(execFile)(process.execPath, [next(), 'build'], options)
}, 300_000)

async function start(env: Readonly<Record<string, string>>) {
  const server = spawn(process.execPath, [next(), 'start', '-H', '127.0.0.1', '-p', '0'], {
    cwd: project.file('.'),
    env: project.environment({ ...quiet, ...env }),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const closed = once(server, 'close')
  onTestFinished(async () => {
    server.kill()
    await closed
  })
  let output = ''
  for (const stream of [server.stdout, server.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text))
  }
  const url = await eventually(() => {
    const [, address] = /(http:\/\/127\.0\.0\.1:\d+)[\s\S]*Ready/.exec(output) ?? []
    if (address === undefined) throw new Error(output)
    return address
  })
  return {
    ask: async (path: string): Promise<unknown> => (await fetch(url + path)).json(),
    found: (count: number) =>
      eventually(() => {
        const { findings } = readOutput(output.slice(0, output.lastIndexOf('\n')))
        expect(findings.length, output).toBeGreaterThanOrEqual(count)
        return findings
      }),
    output: () => output,
  }
}

const leaks = [
  ['double-release', 'checks out', 'releases again'],
  ['idle-transaction', 'leaks', 'nowhere'],
]

describe('an application of Next.js', () => {
  it.each([
    ['in serverExternalPackages', '/api/external', 'pg-lifeguard'],
    ['in a chunk', '/api/bundled', 'other-lifeguard'],
  ])('has its leaks found at its own line, without a flag, by a lifeguard %s', async (_where, path, pool) => {
    const { ask, found } = await start({})
    expect(await ask(path)).toBe('answered')
    const findings = await found(2)
    expect(findings.map((finding) => finding.pool)).toEqual([pool, pool])
    expect(
      findings.map(({ kind, origin, eventOrigin }) => [
        kind,
        project.commentAt(origin),
        project.commentAt(eventOrigin),
      ]),
    ).toEqual(leaks)
  })

  it('has a lifeguard in a chunk and a leak check outside, and the other way round', async () => {
    const { ask } = await start({})
    expect(await ask('/api/crossed')).toEqual([
      ['clean', 'LeakError'],
      ['clean', 'LeakError'],
    ])
  })

  it('is found to leak under register, in its first request, with route and line of the source', async () => {
    const { ask, found, output } = await start({
      NODE_OPTIONS: '--enable-source-maps --import pg-lifeguard/register',
      LIFEGUARD_REPORTER: 'json',
      LIFEGUARD_SCOPE_GRACE: '50ms',
    })
    expect(await ask('/api/orders/17')).toBe('answered')
    const [finding] = await found(1)
    expect(finding).toMatchObject({
      kind: 'outlived-scope',
      scope: { name: 'GET /api/orders/:id' },
      origin: { file: project.file('app/api/orders/[id]/route.js') },
    })
    expect(project.commentAt(finding?.origin)).toBe('leaks')
    await ask('/api/external')
    expect(await found(3)).toMatchObject([{}, { pool: 'pg-lifeguard' }, { pool: 'pg-lifeguard' }])
    expect(output()).not.toContain('driver')
  })
})
