import { createRequire } from 'node:module'
import pg from 'pg'
import { expect, onTestFinished } from 'vitest'
import {
  createLifeguard,
  type Finding,
  type Lifeguard,
  type LifeguardOptions,
  type ManualClock,
  manualClock,
} from '../../src/index.ts'
import { socketOf } from './guarded-pool.ts'

const require = createRequire(import.meta.url)

/** The driver in the versions that differ most under the guard; older ones lack types of their own. */
export const drivers = [
  { version: '8.23', driver: pg },
  { version: '8.20', driver: require('pg-8.20') as typeof pg },
  { version: '8.11', driver: require('pg-8.11') as typeof pg },
] as const

export const modes = ['observe', 'enforce'] as const
export type Mode = (typeof modes)[number]

/** Every version in every mode, for `describe.each`. */
export const combinations = drivers.flatMap(({ version, driver }) =>
  modes.map((mode) => ({ version, driver, mode })),
)

/** The newest and the oldest, where those between have nothing of their own to add. */
export const extremes = combinations.filter(({ version }) => version !== '8.20')

/** A guard with its own clock, and what it said. */
export interface Guard {
  readonly lifeguard: Lifeguard
  readonly clock: ManualClock
  readonly unwatch: () => void
  readonly findings: readonly Finding[]
  readonly resolved: readonly Finding[]
  kinds(): string[]
}

/** Puts a pool under guard until the end of the test. */
export function guard(pool: pg.Pool, options: LifeguardOptions = {}, name?: string): Guard {
  const clock = manualClock()
  const lifeguard = createLifeguard({ clock, reporters: [], ...options })
  const findings: Finding[] = []
  const resolved: Finding[] = []
  lifeguard.on('finding', (finding) => findings.push(finding))
  lifeguard.on('resolved', (finding) => resolved.push(finding))
  const unwatch = lifeguard.watch(pool, name === undefined ? {} : { name })
  onTestFinished(() => lifeguard.close())
  return { lifeguard, clock, unwatch, findings, resolved, kinds: () => findings.map(({ kind }) => kind) }
}

/** Sees to it that nothing of the pool outlives the test, clients that the test has lost included. */
export function abandonAfterTest<Pool extends pg.Pool>(pool: Pool): Pool {
  const clients = new Set<pg.PoolClient>()
  pool.on('connect', (client) => clients.add(client))
  pool.on('error', () => {})
  onTestFinished(() => {
    for (const client of clients) {
      client.on('error', () => {})
      socketOf(client).destroy()
    }
  })
  return pool
}

/** What a pool tells, in order, its clients numbered as they appear. */
export function recordEvents(pool: pg.Pool): string[] {
  const events: string[] = []
  const numbers = new Map<unknown, number>()
  const numberOf = (client: unknown) => {
    const number = numbers.get(client) ?? numbers.size + 1
    numbers.set(client, number)
    return number
  }
  pool.on('connect', (client) => events.push(`connect ${numberOf(client)}`))
  pool.on('acquire', (client) => events.push(`acquire ${numberOf(client)}`))
  pool.on('release', (error, client) => events.push(`release ${numberOf(client)} ${error ?? 'clean'}`))
  pool.on('remove', (client) => events.push(`remove ${numberOf(client)}`))
  pool.on('error', (error, client) => events.push(`error ${numberOf(client)} ${error.message}`))
  return events
}

/**
 * Runs a scenario on a bare pool and on a guarded one in each mode, and expects the same of all three.
 *
 * @returns the guards, for what is to be said of findings
 */
export async function expectSameAsBare<Result>(
  open: () => pg.Pool,
  scenario: (pool: pg.Pool) => Promise<Result>,
): Promise<{ bare: Result; observe: Guard; enforce: Guard }> {
  const bare = await scenario(abandonAfterTest(open()))
  async function guarded(mode: Mode): Promise<Guard> {
    const pool = abandonAfterTest(open())
    const watched = guard(pool, { mode })
    expect(await scenario(pool), `in mode ${mode}`).toStrictEqual(bare)
    return watched
  }
  return { bare, observe: await guarded('observe'), enforce: await guarded('enforce') }
}

/** The error that a call ends with, thrown or rejected. */
export async function failureOf(attempt: () => unknown): Promise<Error & { code?: unknown }> {
  try {
    await attempt()
  } catch (error) {
    if (error instanceof Error) return error
    throw new TypeError(`it failed with what is no error: ${String(error)}`)
  }
  throw new Error('it did not fail')
}
