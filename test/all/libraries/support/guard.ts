import { onTestFinished } from 'vitest'
import {
  createLifeguard,
  type Finding,
  type LifeguardOptions,
  manualClock,
  type Watchable,
} from '../../../../src/index.ts'
import type { TestDatabase } from '../../../support/database.ts'

/** Watches a pool until the test is over, on a clock that the test moves. */
export function guard(pool: Watchable, options: LifeguardOptions = {}) {
  const clock = manualClock()
  const lifeguard = createLifeguard({ clock, reporters: [], ...options })
  onTestFinished(() => lifeguard.close())
  const findings: Finding[] = []
  lifeguard.on('finding', (finding) => findings.push(finding))
  const unwatch = lifeguard.watch(pool, { name: 'main' })
  return { clock, lifeguard, findings, unwatch, kinds: () => findings.map(({ kind }) => kind) }
}

/** Ends what a test has left, and waits for it. */
export async function endSessions(db: TestDatabase): Promise<void> {
  await db.query(`
    SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()`)
}
