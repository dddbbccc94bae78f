import { describe, expect, it } from 'vitest'
import { Ring } from '../../../src/core/timeline/ring.ts'

function ringOf(most: number, ...items: number[]): Ring<number> {
  const ring = new Ring<number>(most)
  for (const item of items) ring.push(item)
  return ring
}

describe('a ring', () => {
  it('keeps the last items, the oldest first', () => {
    const ring = ringOf(3, 1, 2, 3, 4, 5)
    expect(ring.from(0)).toEqual([3, 4, 5])
    expect(ring.size).toBe(3)
    expect(ring.next).toBe(5)
  })

  it('has what came since a sequence number', () => {
    const ring = ringOf(10, 1, 2, 3)
    const { next } = ring
    ring.push(4)
    expect(ring.from(next)).toEqual([4])
    expect(ring.from(ring.next)).toEqual([])
  })

  it('drops the oldest while they are too old', () => {
    const ring = ringOf(3, 1, 2, 3, 4)
    ring.dropWhile((item) => item < 4)
    expect(ring.from(0)).toEqual([4])
    ring.dropWhile(() => true)
    expect(ring.size).toBe(0)
    ring.push(5)
    expect(ring.from(0)).toEqual([5])
  })
})
