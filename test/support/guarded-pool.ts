import pg from 'pg'
import { onTestFinished } from 'vitest'
import {
  createLifeguard,
  type Finding,
  type FindingKind,
  type Lifeguard,
  type LifeguardOptions,
  type ManualClock,
  manualClock,
} from '../../src/index.ts'

export interface GuardedPool {
  readonly pool: pg.Pool
  readonly lifeguard: Lifeguard
  readonly clock: ManualClock
  /** What was reported, in order. */
  readonly findings: Finding[]
  readonly remedied: Finding[]
  readonly resolved: Finding[]
  readonly kinds: () => FindingKind[]
  /** The first finding of this kind, as soon as it is reported. */
  found(kind: FindingKind): Promise<Finding>
  /** The first resolution of a finding of this kind. */
  cleared(kind: FindingKind): Promise<Finding>
}

/** A guarded pool on a clock that the test moves. Whatever the test leaks is gone when it ends. */
export function guardedPool(
  poolOptions: pg.PoolConfig,
  options: LifeguardOptions = {},
  pool: pg.Pool = new pg.Pool(poolOptions),
): GuardedPool {
  const clock = manualClock()
  const lifeguard = createLifeguard({ clock, reporters: [], ...options })
  const findings: Finding[] = []
  const remedied: Finding[] = []
  const resolved: Finding[] = []
  lifeguard.on('finding', (finding) => findings.push(finding))
  lifeguard.on('remedied', (finding) => remedied.push(finding))
  lifeguard.on('resolved', (finding) => resolved.push(finding))
  lifeguard.watch(pool, { name: 'main' })

  const clients = new Set<pg.PoolClient>()
  // A listener of `connect` would say that the application sets its sessions up.
  pool.on('acquire', (client) => clients.add(client))
  pool.on('error', () => {})
  onTestFinished(async () => {
    await lifeguard.close()
    for (const client of clients) {
      client.on('error', () => {})
      socketOf(client).destroy()
    }
    if (!pool.ending) void pool.end()
  })

  function next(list: Finding[], event: 'finding' | 'resolved', kind: FindingKind): Promise<Finding> {
    const known = list.find((finding) => finding.kind === kind)
    if (known !== undefined) return Promise.resolve(known)
    return new Promise((resolve) => {
      const off = lifeguard.on(event, (finding) => {
        if (finding.kind !== kind) return
        off()
        resolve(finding)
      })
    })
  }

  return {
    pool,
    lifeguard,
    clock,
    findings,
    remedied,
    resolved,
    kinds: () => findings.map(({ kind }) => kind),
    found: (kind) => next(findings, 'finding', kind),
    cleared: (kind) => next(resolved, 'resolved', kind),
  }
}

/** The socket under a client, which the driver's types do not show. */
export function socketOf(client: pg.ClientBase): { destroy(): void } {
  return (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream
}

/** The line in this repository's file where the caller stands, `offset` lines further on. */
export function hereLine(offset = 0): number {
  const frame = (new Error().stack ?? '').split('\n')[2] ?? ''
  const line = /:(\d+):\d+\)?$/.exec(frame)?.[1]
  return Number(line) + offset
}
