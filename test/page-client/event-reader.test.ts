import { expect, it } from 'vitest'
import { EventReader } from '../../page/event-reader.ts'

it('puts events together that arrive in pieces, and leaves out comments', () => {
  const reader = new EventReader()
  expect(reader.read('data: {"a"')).toEqual([])
  expect(reader.read(':1}\n')).toEqual([])
  expect(reader.read('\n: still here\n\ndata: 2\n\nda')).toEqual(['{"a":1}', '2'])
  expect(reader.read('ta: 3\n\n')).toEqual(['3'])
})
