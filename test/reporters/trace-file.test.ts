import { describe, expect, it } from 'vitest'
import type { Timeline } from '../../src/index.ts'
import { formatTrace } from '../../src/reporters/trace-file.ts'

const timeline: Timeline = {
  takenAt: 10_000,
  since: 1_000,
  pools: [
    {
      name: 'main',
      max: 2,
      omitted: 0,
      levels: [{ at: 2_000, out: 1, used: 1, waiting: 1 }],
      checkouts: [
        {
          ...{
            id: 1,
            slot: 0,
            pid: 4711,
            requestedAt: 1_000,
            queued: false,
            acquiredAt: 1_000,
            endedAt: 5_000,
          },
          origin: { file: '/app/users.ts', line: 12, column: 3 },
          scope: { kind: 'request', name: 'GET /users/:id', id: '7' },
          transactions: [{ startedAt: 2_000, endedAt: 4_000 }],
          findings: [{ id: 'f1', kind: 'idle-transaction', certainty: 'suspected', openedAt: 3_000 }],
        },
        {
          ...{ id: 2, slot: 1, requestedAt: 2_000, queued: true, acquiredAt: 3_000 },
          transactions: [{ startedAt: 3_500 }],
          findings: [],
        },
        {
          ...{ id: 3, requestedAt: 4_000, queued: true, endedAt: 6_000, ending: 'gave up' },
          transactions: [],
          findings: [],
        },
      ],
    },
  ],
}

interface Event {
  readonly ph: string
  readonly name: string
  readonly pid: number
  readonly tid?: number
  readonly ts?: number
  readonly dur?: number
  readonly cat?: string
  readonly args?: Record<string, unknown>
}

const { traceEvents } = JSON.parse(formatTrace(timeline)) as { traceEvents: Event[] }
const of = (ph: string) => traceEvents.filter((event) => event.ph === ph)

describe('a trace file', () => {
  it('has a process for each pool and a thread for each slot', () => {
    expect(of('M').map(({ name, args }) => [name, args?.name])).toEqual([
      ['process_name', 'pool main'],
      ['process_sort_index', undefined],
      ['thread_name', 'slot 1'],
      ['thread_name', 'slot 2'],
    ])
  })

  it('has checkouts and their transactions as slices, in microseconds; what is open ends at the time of the timeline', () => {
    expect(of('X').map(({ cat, name, tid, ts, dur }) => [cat, name, tid, ts, dur])).toEqual([
      ['checkout', 'GET /users/:id', 1, 1_000_000, 4_000_000],
      ['transaction', 'transaction', 1, 2_000_000, 2_000_000],
      ['checkout', 'checkout 2', 2, 3_000_000, 7_000_000],
      ['transaction', 'transaction', 2, 3_500_000, 6_500_000],
    ])
    expect(of('X')[0]?.args).toEqual({
      ...{ checkout: 1, session: 4711, line: '/app/users.ts:12:3' },
      ...{ scope: 'GET /users/:id', kind: 'request', scopeId: '7' },
    })
  })

  it('has waits as asynchronous events, because they overlap', () => {
    expect(of('b').map(({ name, ts }) => [name, ts])).toEqual([
      ['wait: checkout 2', 2_000_000],
      ['wait: checkout 3', 4_000_000],
    ])
    expect(of('e').map(({ ts }) => ts)).toEqual([3_000_000, 6_000_000])
  })

  it('has findings as instants, and the use of the pool as a counter', () => {
    expect(of('i')).toMatchObject([{ name: 'idle-transaction', tid: 1, ts: 3_000_000, args: { id: 'f1' } }])
    expect(of('C')).toMatchObject([{ name: 'clients', args: { out: 1, used: 1, waiting: 1 } }])
  })
})
