/** Numbers that look random and are the same for the same seed on every machine. */
export interface Random {
  /** A whole number from 0 up to, not including, `limit`. */
  below(limit: number): number
  chance(probability: number): boolean
  pick<Item>(items: readonly Item[]): Item
  pickWeighted<Item extends { readonly weight: number }>(items: readonly Item[]): Item
}

/** mulberry32: 32 bits of state are plenty for choosing steps. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0

  function next(): number {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  function at<Item>(items: readonly Item[], index: number): Item {
    if (index >= items.length) throw new RangeError('nothing to pick from')
    return items[index] as Item
  }

  const random: Random = {
    below: (limit) => Math.floor(next() * limit),
    chance: (probability) => next() < probability,
    pick: (items) => at(items, random.below(items.length)),
    pickWeighted(items) {
      const total = items.reduce((sum, { weight }) => sum + weight, 0)
      let rest = next() * total
      return at(
        items,
        Math.max(
          0,
          items.findIndex(({ weight }) => {
            rest -= weight
            return rest < 0
          }),
        ),
      )
    },
  }
  return random
}
