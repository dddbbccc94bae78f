/** For each node, the nodes that it waits for. */
export type WaitsFor = ReadonlyMap<string, readonly string[]>

/**
 * Sorts the nodes so that each one follows those that it waits for, and finds the groups that wait for each other:
 * Tarjan's strongly connected components, which are found in this order.
 */
export function cyclesFirst(graph: WaitsFor): { order: string[]; cycles: string[][] } {
  const order: string[] = []
  const cycles: string[][] = []
  const index = new Map<string, number>()
  const stack: string[] = []
  const onStack = new Set<string>()

  const visit = (id: string): number => {
    const own = index.size
    let lowest = own
    index.set(id, own)
    stack.push(id)
    onStack.add(id)
    for (const next of graph.get(id) ?? []) {
      if (!index.has(next)) lowest = Math.min(lowest, visit(next))
      else if (onStack.has(next)) lowest = Math.min(lowest, index.get(next) ?? own)
    }
    if (lowest === own) {
      const component = stack.splice(stack.lastIndexOf(id))
      for (const member of component) onStack.delete(member)
      order.push(...component)
      if (component.length > 1) cycles.push(component)
    }
    return lowest
  }
  for (const id of graph.keys()) if (!index.has(id)) visit(id)
  return { order, cycles }
}

/**
 * Keeps only the nearest blockers (transitive reduction): if ALTER 3 waits for ALTER 2, ALTER 1 and a forgotten
 * transaction, only ALTER 2 remains. Nothing is removed within a cycle.
 */
export function nearestOnly(
  graph: WaitsFor,
  order: readonly string[],
  cycles: readonly (readonly string[])[],
): Map<string, string[]> {
  const position = new Map(order.map((id, at) => [id, at]))
  const words = Math.ceil(order.length / 32)
  const reach = new Map<string, Uint32Array>()
  const cycleOf = new Map(cycles.flatMap((cycle) => cycle.map((id) => [id, cycle] as const)))
  const nearest = new Map<string, string[]>()

  for (const id of order) {
    const members = cycleOf.get(id) ?? [id]
    const covered = reach.get(members[0] ?? id) ?? new Uint32Array(words)
    for (const member of members) {
      reach.set(member, covered)
      add(covered, position.get(member) ?? 0)
    }
    const ahead = (graph.get(id) ?? []).toSorted((a, b) => (position.get(b) ?? 0) - (position.get(a) ?? 0))
    const seen = new Uint32Array(words)
    nearest.set(
      id,
      ahead.filter((one) => {
        if (members.includes(one)) return true
        const isNew = !has(seen, position.get(one) ?? 0)
        merge(seen, reach.get(one))
        return isNew
      }),
    )
    merge(covered, seen)
  }
  return nearest
}

function add(set: Uint32Array, at: number): void {
  set[at >>> 5] = (set[at >>> 5] ?? 0) | (1 << (at & 31))
}

function has(set: Uint32Array, at: number): boolean {
  return ((set[at >>> 5] ?? 0) & (1 << (at & 31))) !== 0
}

function merge(into: Uint32Array, from: Uint32Array | undefined): void {
  from?.forEach((word, at) => {
    into[at] = (into[at] ?? 0) | word
  })
}
