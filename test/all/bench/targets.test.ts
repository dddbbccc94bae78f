import { expect, it } from 'vitest'
import { Figures } from '../../../bench/figures.ts'
import { budgetTable } from '../../../bench/targets.ts'
import type { VariantName } from '../../../bench/worker.mjs'

const sweep = {
  checkouts: 10_000,
  idleMillis: [1],
  openMillis: [1],
  reportedMillis: [1],
  idleBytes: 0,
  outBytes: 0,
}

/** The verdicts over one row, with these figures in microseconds. */
function verdicts(micros: Partial<Record<VariantName, number>>): Map<string, string> {
  const main = new Figures()
  const all = { bare: 100, twin: 100, observe: 104, enforce: 104, unwatched: 100, otelOff: 180, ...micros }
  for (const [variant, figure] of Object.entries(all)) {
    main.add('transaction', variant as VariantName, figure)
    main.add('transaction', variant as VariantName, figure * 3)
  }
  const retainedBytes = new Map<VariantName, number>([
    ['bare', 0.2],
    ['twin', 0.3],
    ['observe', 0.4],
    ['enforce', 40],
  ])
  const [, ...rows] = budgetTable({ main, retainedBytes, checkouts: 100_000, sweep })
  return new Map(rows.map(([budget = '', , verdict = '']) => [budget, verdict]))
}

const smallest = 'guarded, `observe`, smallest transaction: at most 1.10x'
const alternative = 'guarded, `observe`, each row: below 5 s wrapper'
const unwatched = 'watched, then unwatched, each row: 1.00x'

it('takes the least of the turns as the figure', () => {
  expect(verdicts({}).get(smallest)).toBe('met')
})

it('marks a budget as missed where the noise does not explain it', () => {
  expect(verdicts({ observe: 130 }).get(smallest)).toBe('**missed**')
  expect(verdicts({ observe: 130, twin: 140 }).get(smallest)).toBe('too noisy')
  expect(verdicts({ observe: 104, twin: 140 }).get(smallest)).toBe('too noisy')
})

it('compares the guard with each alternative that was measured', () => {
  expect(verdicts({ wrapper: 107 }).get(alternative)).toBe('met')
  expect(verdicts({ wrapper: 102 }).get(alternative)).toBe('**missed** in 1 of 1 rows')
  expect(verdicts({ wrapper: 102, twin: 103 }).get(alternative)).toBe('too noisy')
  expect(verdicts({ wrapper: 102, stack: 101 }).get(alternative)).toBe('**missed** in 1 of 1 rows')
  expect(verdicts({ wrapper: 102, stack: 103 }).get(alternative)).toBe(
    '**missed** in 1 of 1 rows, in 1 of them already by a stack alone',
  )
  expect(verdicts({}).has(alternative)).toBe(false)
})

it('allows nothing to a pool that is not watched any more', () => {
  expect(verdicts({}).get(unwatched)).toBe('met')
  expect(verdicts({ unwatched: 103, twin: 101 }).get(unwatched)).toBe('**missed**')
})

it('counts what checkouts leave on the heap', () => {
  const heap = (mode: string) =>
    verdicts({}).get(`guarded, \`${mode}\`, heap left behind by 100,000 checkouts: none`)

  expect(heap('observe')).toBe('met')
  expect(heap('enforce')).toBe('**missed**')
})
