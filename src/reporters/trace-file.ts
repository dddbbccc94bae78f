import { describeFrame } from '../core/origin/origin.ts'
import type { Timeline, TimelineCheckout, TimelinePool } from '../core/timeline/timeline.ts'

/** One event of the Chrome trace event format. Times are microseconds. */
type TraceEvent = Readonly<Record<string, unknown>>

/**
 * A timeline as a file in the Chrome trace event format, which https://ui.perfetto.dev and `chrome://tracing` open: a
 * process for each pool, a thread for each of its slots with the checkouts and their transactions, the waits, the
 * findings, and counters of clients and waiting callers.
 *
 * @returns JSON
 *
 * @example
 * await writeFile('pools.json', formatTrace(lifeguard.timeline()))
 */
export function formatTrace(timeline: Timeline): string {
  const traceEvents = timeline.pools.flatMap((pool, at) => poolEvents(pool, at + 1, timeline.takenAt))
  return JSON.stringify({
    displayTimeUnit: 'ms',
    otherData: {
      service: 'pg-lifeguard',
      since: new Date(timeline.since).toISOString(),
      takenAt: new Date(timeline.takenAt).toISOString(),
    },
    traceEvents,
  })
}

function poolEvents(pool: TimelinePool, process: number, takenAt: number): TraceEvent[] {
  const slots = new Set(pool.checkouts.flatMap(({ slot }) => (slot === undefined ? [] : [slot])))
  return [
    meta('process_name', process, { name: `pool ${pool.name}` }),
    meta('process_sort_index', process, { sort_index: process }),
    ...[...slots]
      .toSorted((one, other) => one - other)
      .map((slot) => ({ ...meta('thread_name', process, { name: `slot ${slot + 1}` }), tid: slot + 1 })),
    ...pool.checkouts.flatMap((checkout) => checkoutEvents(checkout, process, takenAt)),
    ...pool.levels.map(({ at, out, used, waiting }) => ({
      ...{ ph: 'C', name: 'clients', pid: process, ts: at * 1000 },
      args: { out, ...(used === undefined ? {} : { used }), waiting },
    })),
  ]
}

function checkoutEvents(checkout: TimelineCheckout, process: number, takenAt: number): TraceEvent[] {
  const { id, slot, requestedAt, acquiredAt, endedAt, queued, transactions, findings } = checkout
  const events: TraceEvent[] = []
  const name = nameOf(checkout)
  const args = detailOf(checkout)
  if (queued && (acquiredAt ?? endedAt ?? takenAt) > requestedAt) {
    // Waits overlap, so they cannot be slices of one thread.
    const wait = { cat: 'wait', id: `${process}-${id}`, name: `wait: ${name}`, pid: process, tid: 0 }
    events.push(
      { ...wait, ph: 'b', ts: requestedAt * 1000, args },
      { ...wait, ph: 'e', ts: (acquiredAt ?? endedAt ?? takenAt) * 1000 },
    )
  }
  if (acquiredAt === undefined || slot === undefined) return events
  const tid = slot + 1
  const end = endedAt ?? takenAt
  const slice = { ph: 'X', pid: process, tid }
  events.push({ ...slice, cat: 'checkout', name, ...times(acquiredAt, end), args })
  for (const one of transactions) {
    const inside = times(Math.max(one.startedAt, acquiredAt), Math.min(one.endedAt ?? end, end))
    events.push({ ...slice, cat: 'transaction', name: 'transaction', ...inside })
  }
  for (const { kind, openedAt, ...rest } of findings) {
    events.push({
      ...{ ph: 'i', s: 't', cat: 'finding', name: kind, pid: process, tid, ts: openedAt * 1000 },
      args: rest,
    })
  }
  return events
}

function meta(name: string, process: number, args: object): TraceEvent {
  return { ph: 'M', name, pid: process, tid: 0, args }
}

function times(from: number, to: number): { ts: number; dur: number } {
  return { ts: from * 1000, dur: Math.max(0, to - from) * 1000 }
}

function nameOf({ scope, origin, id }: TimelineCheckout): string {
  return scope?.name ?? (origin === undefined ? `checkout ${id}` : describeFrame(origin))
}

function detailOf({ id, pid, origin, scope, ending, endedAt }: TimelineCheckout): TraceEvent {
  return {
    checkout: id,
    ...(pid === undefined ? {} : { session: pid }),
    ...(origin === undefined ? {} : { line: describeFrame(origin) }),
    ...(scope === undefined ? {} : { scope: scope.name, kind: scope.kind }),
    ...(scope?.id === undefined ? {} : { scopeId: scope.id }),
    ...(ending === undefined ? {} : { ending }),
    ...(endedAt === undefined ? { open: true } : {}),
  }
}
