import { createPgDriverFactory } from '@slonik/pg-driver'
import { type ClientConfigurationInput, createPool, sql } from 'slonik'
import { expect, onTestFinished } from 'vitest'
import { lifeguardSlonik } from '../../../../src/hosts/slonik/lifeguard-slonik.ts'
import {
  createLifeguard,
  type Finding,
  type FindingKind,
  type Lifeguard,
  type LifeguardOptions,
  manualClock,
} from '../../../../src/index.ts'
import type { TestDatabase } from '../../../support/database.ts'
import { eventually } from '../../../support/eventually.ts'

export const run = (text: string) =>
  sql.unsafe(Object.freeze(Object.assign([text], { raw: Object.freeze([text]) })))

/** Both ways to put a pool of Slonik under watch. */
export const ways = {
  'watch(pool)': async (db: TestDatabase, lifeguard: Lifeguard, options: ClientConfigurationInput) => {
    const pool = await createPool(db.url, options)
    lifeguard.watch(pool, { name: 'main' })
    return pool
  },
  lifeguardSlonik: (db: TestDatabase, lifeguard: Lifeguard, options: ClientConfigurationInput) =>
    createPool(db.url, {
      ...lifeguardSlonik(lifeguard, { driverFactory: createPgDriverFactory(), name: 'main' }),
      ...options,
    }),
} as const

export async function open(
  db: TestDatabase,
  way: keyof typeof ways,
  options: LifeguardOptions = {},
  poolOptions: ClientConfigurationInput = {},
) {
  const clock = manualClock()
  const lifeguard = createLifeguard({ clock, reporters: [], ...options })
  const findings: Finding[] = []
  lifeguard.on('finding', (finding) => findings.push(finding))
  const pool = await ways[way](db, lifeguard, { maxPoolSize: 2, ...poolOptions })
  onTestFinished(async () => {
    await lifeguard.close()
    await pool.end()
  })
  const found = (kind: FindingKind) =>
    eventually(() => {
      clock.advance(1_000)
      const finding = findings.find((one) => one.kind === kind)
      if (finding === undefined) throw new Error(`no ${kind} yet`)
      return finding
    })
  return { pool, lifeguard, clock, findings, found, kinds: () => findings.map(({ kind }) => kind) }
}

/** Work that goes on until it is let go. */
export function held() {
  let letGo = () => {}
  const gone = new Promise<void>((resolve) => {
    letGo = resolve
  })
  return { gone, letGo }
}

export const empty = (lifeguard: Lifeguard) =>
  eventually(() => expect(lifeguard.snapshot().checkouts).toEqual([]))
