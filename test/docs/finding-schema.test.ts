import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import type pg from 'pg'
import { describe, expect, it } from 'vitest'
import {
  type CheckoutData,
  type Finding,
  findingKinds,
  type Origin,
  type ScopeData,
} from '../../src/index.ts'
import { sampleFinding } from '../reporters/sample-findings.ts'
import { useDatabase } from '../support/database.ts'
import { guardedPool } from '../support/guarded-pool.ts'
import { root } from './page.ts'

const db = useDatabase()

const schema = JSON.parse(readFileSync(join(root, 'schema/finding.json'), 'utf8'))
const validate: ValidateFunction = new Ajv2020({ allErrors: true, allowUnionTypes: true }).compile(schema)

/** What is wrong with it, as whoever reads it from a log sees it. */
function faults(finding: unknown): unknown[] {
  return validate(JSON.parse(JSON.stringify(finding))) ? [] : (validate.errors ?? [])
}

// The compiler holds these lists to the types.
const findingFields: Record<keyof Finding, true> = {
  id: true,
  kind: true,
  certainty: true,
  pool: true,
  checkout: true,
  origin: true,
  transactionOrigin: true,
  eventOrigin: true,
  scope: true,
  traceId: true,
  spanId: true,
  left: true,
  holders: true,
  hint: true,
  aftermath: true,
  updates: true,
  supersededBy: true,
  remedy: true,
  outcome: true,
  outcomeDetail: true,
  fingerprint: true,
  occurrences: true,
  docs: true,
  openedAt: true,
  resolvedAt: true,
  resolution: true,
}
const checkoutFields: Record<keyof CheckoutData, true> = {
  id: true,
  via: true,
  phase: true,
  pid: true,
  requestedAt: true,
  acquiredAt: true,
  waitedMillis: true,
  heldMillis: true,
  transaction: true,
  transactionMillis: true,
  idleMillis: true,
  queryCount: true,
  busyMillis: true,
  lastQuery: true,
  exemption: true,
}
const originFields: Record<keyof Origin, true> = {
  file: true,
  line: true,
  column: true,
  functionName: true,
  frames: true,
  callersVary: true,
  isUsual: true,
}
const scopeFields: Record<keyof ScopeData, true> = {
  kind: true,
  name: true,
  id: true,
  attributes: true,
  ending: true,
  traceId: true,
  spanId: true,
}

const sorted = (fields: object) => Object.keys(fields).toSorted()

describe('the schema of a finding', () => {
  it('has the fields of the type, and every kind', () => {
    expect(sorted(schema.properties)).toEqual(sorted(findingFields))
    expect(sorted(schema.$defs.checkout.properties)).toEqual(sorted(checkoutFields))
    expect(sorted(schema.$defs.origin.properties)).toEqual(sorted(originFields))
    expect(sorted(schema.$defs.scope.properties)).toEqual(sorted(scopeFields))
    expect(schema.properties.kind.enum).toEqual(findingKinds)
  })

  it('accepts the samples', () => {
    expect(faults(sampleFinding())).toEqual([])
    for (const kind of findingKinds) expect(faults(sampleFinding({ kind }))).toEqual([])
  })

  it('refuses what is unknown, missing or of another type', () => {
    const finding = sampleFinding()
    const { hint: _, ...without } = finding
    const wrong = [
      { ...finding, colour: 'red' },
      { ...finding, checkout: { ...finding.checkout, colour: 'red' } },
      { ...finding, kind: 'leak' },
      { ...finding, occurrences: 0 },
      { ...finding, traceId: 'short' },
      without,
    ]
    for (const one of wrong) expect(faults(one)).not.toEqual([])
  })

  it('accepts what the guard reports of a pool where everything goes wrong', async () => {
    const guarded = guardedPool({ ...db.config, max: 1 }, { mode: 'enforce' })
    const { pool, lifeguard, clock, findings, remedied, resolved } = guarded
    const scope = {
      kind: 'request',
      name: 'GET /orders',
      id: '7',
      attributes: { tenant: 'a', retries: 2, cached: false },
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    }
    const once = async (work: (client: pg.PoolClient) => Promise<unknown>) => {
      const client = await pool.connect()
      await work(client)
    }
    await lifeguard.runInScope(scope, () =>
      once(async (client) => {
        await client.query('SET search_path TO nowhere')
        client.release()
        expect(() => client.release()).toThrow(/already been released/)
      }),
    )
    await once(async (client) => {
      await client.query('BEGIN')
      client.release()
    })
    await guarded.cleared('dirty-release')
    const leaked = await lifeguard.runInScope(scope, () => pool.connect())
    await leaked.query('BEGIN')
    const waiting = pool.connect().catch(() => undefined)
    clock.advance(6_000)
    await guarded.found('pool-exhausted')
    await guarded.found('outlived-scope')
    leaked.release()
    const next = await waiting
    next?.release()
    const kinds = new Set(findings.map(({ kind }) => kind))
    for (const kind of [
      'session-state',
      'double-release',
      'dirty-release',
      'outlived-scope',
      'pool-exhausted',
    ] as const)
      expect(kinds).toContain(kind)
    for (const finding of [...findings, ...remedied, ...resolved, ...lifeguard.snapshot().findings])
      expect(faults(finding)).toEqual([])
  })

  it('is in the package', () => {
    const { files, exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
    expect(files).toContain('schema')
    expect(exports).toMatchObject({ './schema/finding.json': './schema/finding.json' })
  })
})
