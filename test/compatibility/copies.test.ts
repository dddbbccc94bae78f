import { once } from 'node:events'
import { cpSync, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { metrics } from '@opentelemetry/api'
import express from 'express'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest'
import type * as expressEntry from '../../src/http/express.ts'
import type * as nodeEntry from '../../src/http/node.ts'
import type * as mainEntry from '../../src/index.ts'
import type * as otelEntry from '../../src/otel/index.ts'
import type * as testingEntry from '../../src/testing/verify.ts'
import { useDatabase } from '../support/database.ts'

interface Copy {
  readonly main: typeof mainEntry
  readonly express: typeof expressEntry
  readonly node: typeof nodeEntry
  readonly otel: typeof otelEntry
  readonly testing: typeof testingEntry
}

const db = useDatabase()
const entries = {
  main: 'index.js',
  express: 'http/express.js',
  node: 'http/node.js',
  otel: 'otel/index.js',
  testing: 'testing/verify.js',
} as const

/** Two installations in one process, as two dependencies may have brought them. */
const copies: { imported?: Copy; required?: Copy } = {}
let folder = ''

/** Installs the package, below `node_modules`, from where Vitest leaves it to Node.js. */
function install(name: string): string {
  const installed = join(folder, name, 'node_modules/pg-lifeguard')
  cpSync(inject('compiledPackage'), installed, { recursive: true, verbatimSymlinks: true })
  return installed
}

async function load(of: (path: string) => unknown): Promise<Copy> {
  const loaded = Object.entries(entries).map(async ([name, path]) => [name, await of(path)] as const)
  return Object.fromEntries(await Promise.all(loaded)) as unknown as Copy
}

const imported = (from: string) => load((path) => import(pathToFileURL(join(from, 'dist', path)).href))
const required = (from: string) => load((path) => createRequire(from)(join(from, 'dist/cjs', path)))

beforeAll(async () => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'pg-lifeguard-copies-')))
  copies.imported = await imported(install('one'))
  copies.required = await required(install('other'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

it('is one copy for `import` and `require`', async () => {
  const { main, express, node, testing } = await required(join(folder, 'one/node_modules/pg-lifeguard'))
  expect({ ...copies.imported?.main }).toEqual({ ...main })
  expect(copies.imported?.main.createLifeguard).toBe(main.createLifeguard)
  expect(copies.imported?.express.lifeguardMiddleware).toBe(express.lifeguardMiddleware)
  expect(copies.imported?.node.lifeguardHandler).toBe(node.lifeguardHandler)
  expect(copies.imported?.testing.verifyNone).toBe(testing.verifyNone)
})

describe.each([
  ['imported', 'required', 'imported', 'required'],
  ['required', 'imported', 'required', 'imported'],
] as const)('a lifeguard of an %s copy, beside a %s one', (_own, _other, ownName, otherName) => {
  function guarded(options: mainEntry.LifeguardOptions = {}) {
    const [own, other] = [copies[ownName] as Copy, copies[otherName] as Copy]
    const pool = new pg.Pool({ ...db.config, max: 2 })
    const clock = other.main.manualClock()
    const lifeguard = own.main.createLifeguard({ reporters: [], clock, ...options })
    lifeguard.watch(pool, { name: 'main' })
    const findings: mainEntry.Finding[] = []
    lifeguard.on('finding', (finding) => findings.push(finding))
    onTestFinished(async () => {
      await lifeguard.close()
      void pool.end()
    })
    return { other, pool, lifeguard, clock, findings }
  }

  it('are two copies', () => {
    const [own, other] = [copies[ownName] as Copy, copies[otherName] as Copy]
    expect(own.main.createLifeguard).not.toBe(other.main.createLifeguard)
  })

  it('gets its scopes from the middleware, shows its snapshot in the handler, and follows the clock', async () => {
    const { other, pool, lifeguard, clock, findings } = guarded()
    const leaked: pg.PoolClient[] = []
    onTestFinished(() => {
      for (const client of leaked) client.release()
    })
    const app = express()
    app.use('/lifeguard', other.node.lifeguardHandler(lifeguard))
    app.use(other.express.lifeguardMiddleware(lifeguard))
    app.get('/orders/:id', async (_request, response) => {
      leaked.push(await pool.connect())
      response.end()
    })
    const server = app.listen(0, '127.0.0.1')
    onTestFinished(() => void server.close())
    await once(server, 'listening')
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    await fetch(`${url}/orders/1`)
    const snapshot = await (await fetch(`${url}/lifeguard/snapshot`)).json()
    expect(snapshot).toMatchObject({ checkouts: [{ scope: { name: 'GET /orders/:id' } }] })

    clock.advance(5_000)
    expect(findings).toMatchObject([{ kind: 'outlived-scope', scope: { name: 'GET /orders/:id' } }])
    expect(findings[0]?.origin?.file).toBe(import.meta.filename)
  })

  it('is verified by the leak check, whose error every copy recognises', async () => {
    const { other, pool, lifeguard } = guarded()
    const client = await pool.connect()
    onTestFinished(() => client.release())
    const error: unknown = await other.testing
      .verifyNone(lifeguard, { settleMillis: 0 })
      .catch((reason) => reason)
    for (const { main, testing } of [copies.imported as Copy, copies.required as Copy]) {
      expect(error).toBeInstanceOf(testing.LeakError)
      expect(error).toBeInstanceOf(main.LifeguardError)
      expect(error).not.toBeInstanceOf(main.OptionError)
    }
  })

  it('is instrumented once', () => {
    const { other, lifeguard } = guarded()
    const end = other.otel.instrumentLifeguard(lifeguard, { meterProvider: metrics.getMeterProvider() })
    const again = () => (copies[ownName] as Copy).otel.instrumentLifeguard(lifeguard)
    expect(again).toThrow(/is instrumented already/)
    end()
    again()()
  })

  it('does not watch a pool that the other watches', () => {
    const { other, pool } = guarded()
    const another = other.main.createLifeguard()
    onTestFinished(() => another.close())
    expect(() => another.watch(pool)).toThrow(other.main.WatchError)
  })

  it('reports through the reporter', async () => {
    const lines: string[] = []
    const { jsonLinesReporter } = (copies[otherName] as Copy).main
    const reporter = jsonLinesReporter({ stream: { write: (line: string) => lines.push(line) } })
    const { pool, findings } = guarded({ reporters: [reporter] })
    const client = await pool.connect()
    client.release()
    expect(() => client.release()).toThrow()
    expect(findings).toHaveLength(1)
    await new Promise(setImmediate)
    expect(lines.join('')).toContain('double-release')
  })

  it('shares the watch over clients of no pool', async () => {
    const [own, other] = [copies[ownName] as Copy, copies[otherName] as Copy]
    const watch = own.testing.watchClients(pg)
    onTestFinished(() => watch.unwatch())
    const client = new pg.Client(db.config)
    await client.connect()
    await expect(watch.verifyEnded({ settleMillis: 0 })).rejects.toBeInstanceOf(other.testing.LeakCheckError)
    await client.end()
  })
})
