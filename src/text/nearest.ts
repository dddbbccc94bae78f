/**
 * The known word that was probably meant: one that starts with the given word, or differs from it by a few typos. Case
 * is ignored. `part` returns the part of a word that is compared.
 */
export function nearest(
  given: string,
  words: readonly string[],
  part: (word: string) => string = (word) => word,
): string | undefined {
  const wanted = given.toLowerCase()
  const most = Math.max(1, Math.floor(wanted.length * 0.4))
  let best: string | undefined
  let least = most + 1
  for (const word of words) {
    const known = part(word).toLowerCase()
    // An abbreviation is nearer than a word with a typo in each place.
    const slips = wanted.length > 2 && known.startsWith(wanted) ? 1 : slipsBetween(wanted, known, most)
    if (slips < least) {
      least = slips
      best = word
    }
  }
  return best
}

/** The number of typos: inserted, missing, replaced or swapped letters, counted up to `most` + 1. */
function slipsBetween(one: string, other: string, most: number): number {
  if (Math.abs(one.length - other.length) > most) return most + 1
  let beforeLast: number[] = []
  let last = Array.from({ length: other.length + 1 }, (_, index) => index)
  for (let row = 1; row <= one.length; row++) {
    const current = [row]
    for (let column = 1; column <= other.length; column++) {
      const isSame = one[row - 1] === other[column - 1]
      const isSwapped = one[row - 1] === other[column - 2] && one[row - 2] === other[column - 1]
      current[column] = Math.min(
        (last[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (isSame ? 0 : 1),
        isSwapped && row > 1 && column > 1 ? (beforeLast[column - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
      )
    }
    beforeLast = last
    last = current
  }
  return last[other.length] ?? 0
}
