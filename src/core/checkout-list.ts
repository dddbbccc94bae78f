/** The links of an entry; only {@link CheckoutList} writes them. */
export interface Linked<Entry> {
  before: Entry | undefined
  after: Entry | undefined
  /** Whether it is in a list. */
  isListed: boolean
}

/**
 * A set of entries in the order of their arrival, linked through the entries themselves: adding and removing allocate
 * nothing, where a Set would grow and shrink its table with every few checkouts.
 */
export class CheckoutList<Entry extends Linked<Entry>> implements Iterable<Entry> {
  #first: Entry | undefined
  #last: Entry | undefined
  #size = 0

  get size(): number {
    return this.#size
  }

  /** An entry is in one list at a time. */
  add(entry: Entry): void {
    if (entry.isListed) return
    entry.isListed = true
    entry.before = this.#last
    if (this.#last === undefined) this.#first = entry
    else this.#last.after = entry
    this.#last = entry
    this.#size += 1
  }

  delete(entry: Entry): boolean {
    if (!entry.isListed) return false
    const { before, after } = entry
    if (before === undefined) this.#first = after
    else before.after = after
    if (after === undefined) this.#last = before
    else after.before = before
    entry.isListed = false
    // A link to a neighbour would keep that in memory, and its neighbours.
    entry.before = undefined
    entry.after = undefined
    this.#size -= 1
    return true
  }

  /** The present entries: those that are removed meanwhile are still visited. */
  [Symbol.iterator](): Iterator<Entry> {
    const present: Entry[] = []
    for (let entry = this.#first; entry !== undefined; entry = entry.after) present.push(entry)
    return present[Symbol.iterator]()
  }
}
