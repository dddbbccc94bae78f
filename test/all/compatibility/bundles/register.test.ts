import { build } from 'esbuild'
import { beforeAll, expect, it } from 'vitest'
import { useDatabase } from '../../../support/database.ts'
import { useBundleProject } from './bundle-project.ts'

const db = useDatabase()
const project = useBundleProject(db, {})

const service = `
import { createServer } from 'node:http'
import pg from 'pg'

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL })
const server = createServer(async (_request, response) => {
  await pool.connect() // leaks
  response.end()
}).listen(0, '127.0.0.1', async () => {
  for (const path of ['/orders/1', '/orders/2']) await fetch('http://127.0.0.1:' + server.address().port + path)
  setTimeout(() => process.exit(), 500)
})`

beforeAll(() => project.write({ 'src/service.js': service }))

async function runBundle(name: string, external: readonly string[]) {
  const outfile = project.file(`out/${name}.cjs`)
  const options = { bundle: true, platform: 'node', minify: true, sourcemap: 'external' } as const
  await build({
    entryPoints: [project.file('src/service.js')],
    outfile,
    external: ['pg-native', ...external],
    ...options,
  })
  const env = { LIFEGUARD_REPORTER: 'json', LIFEGUARD_SCOPE_GRACE: '20ms' }
  return project.run(outfile, ['--import', 'pg-lifeguard/register'], env)
}

const blind =
  /this application has so far loaded no PostgreSQL driver that can be seen: it may be bundled.* Watch its pool in code: getLifeguard\(\)\.watch\(pool\), from 'pg-lifeguard\/register'/

it('a bundle with pg inside is not seen by register, which says so once and what to do', async () => {
  const { findings, messages } = await runBundle('inside', [])
  expect(findings).toEqual([])
  expect(messages.filter((message) => message.includes('driver'))).toEqual([expect.stringMatching(blind)])
})

it('a bundle with pg outside is watched by register', async () => {
  const { findings, messages } = await runBundle('outside', ['pg'])
  expect(messages.filter((message) => message.includes('driver'))).toEqual([])
  expect(findings[0]).toMatchObject({ kind: 'outlived-scope', scope: { name: 'GET /orders/:id' } })
  expect(project.commentAt(findings[0]?.origin)).toBe('leaks')
})
