import { onTestFinished } from 'vitest'
import { createLifeguard, type Finding, type LifeguardOptions, manualClock } from '../../../src/index.ts'
import { eventually } from '../../support/eventually.ts'
import { ToyDriver } from './toy-driver.ts'

/** The toy under guard, on a clock that the test moves. */
export function guardedToy(options: LifeguardOptions = {}, max = 1) {
  const driver = new ToyDriver(max)
  const clock = manualClock()
  const lifeguard = createLifeguard({ clock, reporters: [], ...options })
  const findings: Finding[] = []
  lifeguard.on('finding', (finding) => findings.push(finding))
  const unwatch = lifeguard.watch(driver.sql, { name: 'toy' })
  onTestFinished(() => lifeguard.close())
  return {
    sql: driver.sql,
    connections: driver.connections,
    lifeguard,
    clock,
    findings,
    unwatch,
    kinds: () => findings.map(({ kind }) => kind),
    checkouts: () => lifeguard.snapshot().checkouts,
    found: (kind: string) =>
      eventually(() => {
        // A remedy that is under way has a limit of its own: time stands still for it.
        if (!lifeguard.snapshot().findings.some((known) => known.kind === kind)) clock.advance(1_000)
        const finding = findings.find((candidate) => candidate.kind === kind)
        if (finding === undefined) throw new Error(`no ${kind} yet`)
        return finding
      }),
  }
}

/** A promise that the test settles. */
export function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = () => {}
  const promise = new Promise<void>((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}
