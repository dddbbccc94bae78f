import { describe, expect, it } from 'vitest'
import type { Finding, Snapshot } from '../../../src/index.ts'
import { type ApplicationLook, ApplicationView } from '../../../src/page/view/application-view.ts'
import type { PageItems } from '../../../src/page/view/items.ts'
import { sampleFindings } from '../sample-look.ts'

const pool = { name: 'main', waiting: 0, out: 1, max: 2, ending: false }
const checkout: Snapshot['checkouts'][number] = {
  ...{ id: 7, via: 'connect', phase: 'out', pid: 4711, requestedAt: 1_000, acquiredAt: 1_000, pool: 'main' },
  ...{ waitedMillis: 0, heldMillis: 4_000, transaction: 'open', transactionMillis: 3_000, idleMillis: 2_000 },
  ...{ queryCount: 2, busyMillis: 10, lastQuery: 'SELECT ?' },
  origin: { file: `${process.cwd()}/src/routes/orders.ts`, line: 31, column: 5, frames: [] },
  scope: { kind: 'request', name: 'GET /orders/:id', id: '42' },
}
const flight = {
  id: 7,
  slot: 0,
  pid: 4711,
  requestedAt: 1_000,
  queued: false,
  acquiredAt: 1_000,
  transactions: [],
}
const look: ApplicationLook = {
  snapshot: { takenAt: 5_000, pools: [pool], checkouts: [checkout], findings: [] },
  recording: [{ name: 'main', omitted: 0, levels: [], ended: [], open: [flight] }],
}

function itemsOf(view: ApplicationView, given: ApplicationLook): PageItems {
  const items: PageItems = new Map()
  view.addTo(items, given)
  return items
}
const only = (items: PageItems, section: Parameters<PageItems['get']>[0]) => [
  ...(items.get(section)?.values() ?? []),
]

describe('a guarded application on the page', () => {
  it('has its checkouts with their present state, in absolute times', () => {
    const [item] = only(itemsOf(new ApplicationView(), look), 'checkouts')
    expect(item).toMatchObject({ id: '7', pool: 'main', pid: 4711, acquiredAt: 1_000 })
    expect(item).toMatchObject({ now: { transaction: 'open', idleSince: 3_000, lastQuery: 'SELECT ?' } })
  })

  it('is the same in the next look, if nothing but the time has changed', () => {
    const view = new ApplicationView()
    const later = {
      ...look,
      snapshot: { ...look.snapshot, checkouts: [{ ...checkout, heldMillis: 5_001, idleMillis: 3_002 }] },
      recording: look.recording.map((one) => ({ ...one, open: [{ ...flight, acquiredAt: 1_001 }] })),
    }
    const before = only(itemsOf(view, look), 'checkouts')
    expect(only(itemsOf(view, later), 'checkouts')).toEqual(before)
  })

  it('describes what has ended once', () => {
    const view = new ApplicationView()
    const ended = {
      snapshot: { ...look.snapshot, checkouts: [] },
      recording: [{ name: 'main', omitted: 0, levels: [], ended: [{ ...flight, endedAt: 2_000 }], open: [] }],
    }
    const [first] = only(itemsOf(view, ended), 'checkouts')
    expect(only(itemsOf(view, ended), 'checkouts')[0]).toBe(first)
  })

  it('shows what is out now if nothing is recorded, each in a lane', () => {
    const given = {
      ...look,
      recording: [],
      snapshot: { ...look.snapshot, checkouts: [checkout, { ...checkout, id: 8 }] },
    }
    expect(only(itemsOf(new ApplicationView(), given), 'checkouts')).toMatchObject([
      {
        id: '7',
        slot: 0,
        place: 'src/routes/orders.ts:31',
        route: 'GET /orders/:id',
        transactions: [[2_000]],
      },
      { id: '8', slot: 1 },
    ])
  })

  it('tells pools of one name apart, and services of a fleet', () => {
    const twice = { ...look, snapshot: { ...look.snapshot, pools: [pool, pool] } }
    expect([
      ...(itemsOf(new ApplicationView(), { ...twice, recording: [] })
        .get('pools')
        ?.keys() ?? []),
    ]).toEqual(['main', 'main (2)'])
    const items = itemsOf(new ApplicationView('orders'), look)
    expect(only(items, 'pools')).toMatchObject([{ id: 'orders/main', app: 'orders' }])
    expect(only(items, 'checkouts')).toMatchObject([{ id: 'orders#7', pool: 'orders/main' }])
  })

  it('has levels in pieces of a minute, so that a new one does not send all again', () => {
    const levels = [60_000, 61_000, 120_000].map((at) => ({ at, out: 1, used: 2, waiting: 3 }))
    const items = itemsOf(new ApplicationView(), {
      ...look,
      recording: look.recording.map((one) => ({ ...one, levels })),
    })
    expect(items.get('levels')).toEqual(
      new Map([
        [
          'main@1',
          {
            pool: 'main',
            levels: [
              [60_000, 2, 3],
              [61_000, 2, 3],
            ],
          },
        ],
        ['main@2', { pool: 'main', levels: [[120_000, 2, 3]] }],
      ]),
    )
  })

  it('has findings with their lines, and the source around them', () => {
    const findings: readonly Finding[] = sampleFindings
    const [item] = only(
      itemsOf(new ApplicationView(), { ...look, snapshot: { ...look.snapshot, findings } }),
      'findings',
    )
    expect(item).toMatchObject({
      ...{ kind: 'outlived-scope', isLeak: true, checkout: '7', pool: 'main' },
      place: 'test/page/sample-look.ts:3',
      code: expect.arrayContaining([expect.stringContaining('> 3 |')]),
    })
  })
})

it('shows the usual line of BEGIN where that of the transaction is not known', () => {
  const begun = { file: '/app/a.ts', line: 3, column: 1, frames: [] }
  const places = [begun, { ...begun, isUsual: true }].map((transactionOrigin) => {
    const findings = [{ ...(sampleFindings[0] as Finding), transactionOrigin }]
    const items = itemsOf(new ApplicationView(), { ...look, snapshot: { ...look.snapshot, findings } })
    return only(items, 'findings')[0]
  })
  expect(places).toMatchObject([
    { transactionPlace: '/app/a.ts:3' },
    { transactionPlace: 'usually /app/a.ts:3' },
  ])
})
