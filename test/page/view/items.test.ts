import { expect, it } from 'vitest'
import { addItem, type PageItems, present, shown } from '../../../src/page/view/items.ts'

it('keeps the items of a section in order', () => {
  const items: PageItems = new Map()
  for (const id of ['b', 'a']) addItem(items, 'levels', id, { pool: id, levels: [] })
  expect([...(items.get('levels')?.keys() ?? [])]).toEqual(['b', 'a'])
})

it('shows a text in one line, without control characters and of bearable length', () => {
  expect(shown('a\n\u001b[31mb\u202e')).toBe('a \ufffd[31mb\ufffd')
  expect(shown('x'.repeat(5_000)).length).toBe(1_003)
})

it('leaves out what is undefined', () => {
  expect(present<{ a?: number; b: number }>({ a: undefined, b: 2 })).toEqual({ b: 2 })
})
