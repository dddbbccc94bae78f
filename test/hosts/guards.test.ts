import { describe, expect, it } from 'vitest'
import type { Client } from '../../src/client/types.ts'
import { Guards } from '../../src/hosts/guards.ts'

class Guard {
  readonly client: Client = { query: () => {} }
  isOver = false
  visits = 0
  readonly visit: () => boolean

  constructor(visit: () => boolean = () => false) {
    this.visit = visit
  }

  sweep(): boolean {
    this.visits += 1
    return this.visit()
  }
}

function guardsOf(...all: Guard[]): Guards<Guard> {
  const guards = new Guards<Guard>()
  for (const guard of all) guards.add(guard)
  return guards
}

describe('a sweep over the guards of a pool', () => {
  it('visits one that was stirred, once', () => {
    const [stirred, other] = [new Guard(), new Guard()]
    const guards = guardsOf(stirred, other)
    guards.stir(stirred)
    guards.stir(stirred)
    for (let sweeps = 0; sweeps < 3; sweeps += 1) guards.sweep()
    expect([stirred.visits, other.visits]).toEqual([1, 0])
  })

  it('visits one that its visit has stirred again in the next sweep, not in the same one', () => {
    let left = 2
    const guard: Guard = new Guard(() => {
      left -= 1
      if (left > 0) guards.stir(guard)
      return false
    })
    const guards = guardsOf(guard)
    guards.stir(guard)
    guards.sweep()
    expect(guard.visits).toBe(1)
    guards.sweep()
    guards.sweep()
    expect(guard.visits).toBe(2)
  })

  it('visits all of them, whichever has found a client that went out past the guard', () => {
    const all = [new Guard(), new Guard(() => true), new Guard(() => true)]
    const guards = guardsOf(...all)
    for (const guard of all) guards.stir(guard)
    expect(guards.sweep()).toBe(true)
    expect(all.map(({ visits }) => visits)).toEqual([1, 1, 1])
    expect(guards.sweep()).toBe(false)
  })

  it('does not visit one that was removed', () => {
    const guard = new Guard()
    const guards = guardsOf(guard)
    guards.stir(guard)
    guards.remove(guard.client)
    guards.sweep()
    expect(guard.visits).toBe(0)
    expect([...guards]).toEqual([])
    expect(guards.known.get(guard.client)).toBe(guard)
  })

  it.each([1, 7, 100])('forgets those that are over within a few sweeps, of %i', (count) => {
    const all = Array.from({ length: count }, () => new Guard())
    const guards = guardsOf(...all)
    for (let sweeps = 0; sweeps < 5; sweeps += 1) guards.sweep()
    for (const guard of all) guard.isOver = true
    const added = new Guard()
    guards.add(added)
    // The timer stops after 25 sweeps without open checkouts, if not after more.
    for (let sweeps = 0; sweeps < 20; sweeps += 1) guards.sweep()
    expect([...guards]).toEqual([added])
  })
})
