/** The last items, up to a limit, each with a sequence number. */
export class Ring<Item> {
  readonly #most: number
  readonly #items: (Item | undefined)[] = []
  #first = 0
  #next = 0

  constructor(most: number) {
    this.#most = most
  }

  /** The sequence number of the next item. */
  get next(): number {
    return this.#next
  }

  get size(): number {
    return this.#next - this.#first
  }

  push(item: Item): void {
    this.#items[this.#next % this.#most] = item
    this.#next += 1
    if (this.size > this.#most) this.#first += 1
  }

  /** Drops the oldest items while `isOld`. */
  dropWhile(isOld: (item: Item) => boolean): void {
    for (; this.#first < this.#next; this.#first += 1) {
      const at = this.#first % this.#most
      const item = this.#items[at]
      if (item !== undefined && !isOld(item)) return
      this.#items[at] = undefined
    }
  }

  /** The kept items with this sequence number or a later one, the oldest first. */
  from(sequence: number): Item[] {
    const items: Item[] = []
    for (let at = Math.max(sequence, this.#first); at < this.#next; at += 1) {
      const item = this.#items[at % this.#most]
      if (item !== undefined) items.push(item)
    }
    return items
  }
}
