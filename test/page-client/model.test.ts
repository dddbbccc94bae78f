import { describe, expect, it } from 'vitest'
import { findingGroups, type PoolModel, poolModels } from '../../page/model.ts'
import { nothing } from '../../page/settings.ts'
import { checkoutOf, findingOf, poolOf } from './samples.ts'

const span = { from: 0, to: 1_000_000 }

function modelOf(
  checkouts: readonly ReturnType<typeof checkoutOf>[],
  findings = [] as ReturnType<typeof findingOf>[],
  filter = nothing,
): PoolModel | undefined {
  return poolModels({ pools: [poolOf()], checkouts, findings, levels: [] }, filter, span)[0]
}

describe('the lanes of a pool', () => {
  it('has a bar for each checkout, in the share of time, and its transactions', () => {
    const model = modelOf([
      checkoutOf({ id: '1', acquiredAt: 100_000, endedAt: 300_000, transactions: [[150_000, 250_000]] }),
      checkoutOf({ id: '2', acquiredAt: 500_000 }),
    ])
    expect(model?.lanes).toMatchObject([
      {
        slot: 0,
        open: { id: '2' },
        bars: [
          { from: 0.1, to: 0.3, isOpen: false, transactions: [[0.15, 0.25]] },
          { from: 0.5, to: 1, isOpen: true },
        ],
      },
    ])
  })

  it('joins those of one route that are too narrow to be told apart', () => {
    const many = Array.from({ length: 40 }, (_, at) =>
      checkoutOf({ id: String(at), acquiredAt: at * 1_000, endedAt: at * 1_000 + 900 }),
    )
    const bars = modelOf(many)?.lanes[0]?.bars ?? []
    expect(bars.length).toBeLessThan(10)
    expect(bars.reduce((sum, { count }) => sum + count, 0)).toBe(40)
  })

  it('marks leaks, and never joins them', () => {
    const model = modelOf(
      [
        checkoutOf({ id: '1', acquiredAt: 0, endedAt: 900 }),
        checkoutOf({ id: '2', acquiredAt: 1_000, endedAt: 1_900 }),
      ],
      [findingOf({ checkout: '2' })],
    )
    expect(model?.lanes[0]?.bars).toMatchObject([{ isLeak: false }, { isLeak: true }])
  })

  it('leaves out what ended before, and what a filter hides', () => {
    const checkouts = [
      checkoutOf({ id: '1', acquiredAt: -900, endedAt: -100 }),
      checkoutOf({ id: '2', route: 'GET /b' }),
    ]
    expect(modelOf(checkouts)?.lanes[0]?.bars.map(({ key }) => key)).toEqual(['2'])
    expect(modelOf(checkouts, [], { ...nothing, route: 'GET /a' })).toBeUndefined()
    expect(modelOf(checkouts, [], { ...nothing, text: '/B' })?.lanes).toHaveLength(1)
  })

  it('has waits in a row of their own, the first caller first', () => {
    const model = modelOf([
      checkoutOf({ id: '1', slot: undefined, requestedAt: 200_000, acquiredAt: undefined, queued: true }),
      checkoutOf({ id: '2', slot: undefined, requestedAt: 100_000, acquiredAt: undefined, queued: true }),
    ])
    expect(model?.waiting.map(({ id }) => id)).toEqual(['2', '1'])
    expect(model?.waits).toMatchObject([
      { from: 0.2, to: 1 },
      { from: 0.1, to: 1 },
    ])
    expect(model?.lanes).toEqual([])
  })

  it('comes after those with leaks and waiting callers', () => {
    const pools = [poolOf({ id: 'calm' }), poolOf({ id: 'busy', waiting: 3 }), poolOf({ id: 'leaky' })]
    const findings = [findingOf({ pool: 'leaky' })]
    const models = poolModels({ pools, checkouts: [], findings, levels: [] }, nothing, span)
    expect(models.map(({ pool }) => pool.id)).toEqual(['leaky', 'busy', 'calm'])
  })
})

describe('the list of findings', () => {
  const findings = [
    findingOf({ id: 'a', openedAt: 1 }),
    findingOf({ id: 'b', openedAt: 2 }),
    findingOf({ id: 'c', openedAt: 3, resolvedAt: 4 }),
    findingOf({ id: 'd', fingerprint: 'other', isLeak: false, certainty: 'suspected' }),
  ]

  it('has a row for each mistake, what is open and certain first', () => {
    const rows = findingGroups(findings, undefined)
    expect(rows.map(({ finding, others }) => [finding.id, others.length])).toEqual([
      ['b', 1],
      ['d', 0],
      ['c', 0],
    ])
  })

  it('shows the chosen one of its row', () => {
    expect(findingGroups(findings, 'a')[0]).toMatchObject({ finding: { id: 'a' }, others: [{ id: 'b' }] })
  })
})
