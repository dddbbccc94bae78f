import { describe, expect, it } from 'vitest'
import { cyclesFirst, nearestOnly } from '../../../src/postgres/blocking/graph.ts'

const graphOf = (edges: Readonly<Record<string, readonly string[]>>) => new Map(Object.entries(edges))

describe('the order of a graph', () => {
  it('has everyone after those that he waits for', () => {
    const { order, cycles } = cyclesFirst(graphOf({ reader: ['alter'], alter: ['idle'], idle: [] }))
    expect(order).toEqual(['idle', 'alter', 'reader'])
    expect(cycles).toEqual([])
  })

  it('has those together that wait for each other, and nobody who only waits for them', () => {
    const { cycles } = cyclesFirst(graphOf({ outsider: ['a'], a: ['b'], b: ['c'], c: ['a'] }))
    expect(cycles.map((cycle) => cycle.toSorted())).toEqual([['a', 'b', 'c']])
  })

  it('is found for a queue of five thousand', () => {
    const ids = Array.from({ length: 5_000 }, (_, at) => String(at))
    const { order } = cyclesFirst(new Map(ids.map((id, at) => [id, at === 0 ? [] : [String(at - 1)]])))
    expect(order).toEqual(ids)
  })
})

describe('those directly ahead', () => {
  const nearest = (edges: Readonly<Record<string, readonly string[]>>) => {
    const graph = graphOf(edges)
    const { order, cycles } = cyclesFirst(graph)
    return Object.fromEntries(nearestOnly(graph, order, cycles))
  }

  it('leave out whoever is waited for through somebody else', () => {
    expect(nearest({ idle: [], one: ['idle'], two: ['idle', 'one'], three: ['idle', 'one', 'two'] })).toEqual(
      { idle: [], one: ['idle'], two: ['one'], three: ['two'] },
    )
  })

  it('are all of those who do not stand behind each other', () => {
    expect(nearest({ a: [], b: [], writer: ['a', 'b'] }).writer?.toSorted()).toEqual(['a', 'b'])
  })

  it('are kept within a cycle', () => {
    expect(nearest({ a: ['b'], b: ['a'] })).toEqual({ a: ['b'], b: ['a'] })
  })
})
