import postgres from 'postgres'
import { onTestFinished } from 'vitest'
import {
  createLifeguard,
  type Finding,
  type FindingKind,
  type LifeguardOptions,
  manualClock,
} from '../../../src/index.ts'
import type { TestDatabase } from '../../support/database.ts'
import { eventually } from '../../support/eventually.ts'

export type PostgresOptions = postgres.Options<Record<string, postgres.PostgresType>>

/** An `sql` of postgres.js under guard, on a clock that the test moves. */
export function guardedSql(
  db: TestDatabase,
  options: LifeguardOptions = {},
  settings: PostgresOptions = {},
  make = postgres,
) {
  const notices: unknown[] = []
  const { host, port, user, password, database } = db.config
  const onnotice = (notice: unknown) => notices.push(notice)
  const sql = make({ host, port, user, password, database, max: 1, onnotice, ...settings })
  const clock = manualClock()
  const lifeguard = createLifeguard({ clock, reporters: [], ...options })
  const findings: Finding[] = []
  lifeguard.on('finding', (finding) => findings.push(finding))
  const unwatch = lifeguard.watch(sql, { name: 'main' })
  onTestFinished(async () => {
    await lifeguard.close()
    await sql.end({ timeout: 1 })
  })
  return {
    sql,
    lifeguard,
    clock,
    findings,
    notices,
    unwatch,
    kinds: () => findings.map(({ kind }) => kind),
    found: (kind: FindingKind) =>
      eventually(() => {
        // A remedy that is under way has a limit of its own: time stands still for it.
        if (!lifeguard.snapshot().findings.some((known) => known.kind === kind)) clock.advance(1_000)
        const finding = findings.find((candidate) => candidate.kind === kind)
        if (finding === undefined) throw new Error(`no ${kind} yet`)
        return finding
      }),
    out: () => lifeguard.snapshot().checkouts.filter(({ phase }) => phase === 'out'),
  }
}

export function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {}
  const promise = new Promise<void>((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}

export async function errorOf(promise: PromiseLike<unknown>): Promise<Error & { code?: unknown }> {
  try {
    await promise
  } catch (error) {
    return error as Error
  }
  throw new Error('it was not rejected')
}
