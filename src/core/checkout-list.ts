import type { CheckoutSet } from './pool-record.ts'

/** An entry of a {@link CheckoutList}; only the list writes its place. */
export interface Listed {
  /** Its index in the list; -1 while it is in none. */
  place: number
  readonly control: Session | undefined
}

interface Session {
  readonly gone: boolean
}

const nowhere = -1
const initialCapacity = 32
/** An empty list gives back a capacity beyond this one. */
const keptCapacity = 1024

/**
 * A set of entries in the order of their arrival, and the time at which each is due. A sweep looks at thousands and judges
 * few: the times are side by side, so that it reads almost no memory for the others.
 *
 * An entry that is removed leaves a gap, which is closed when the space is needed. There are no private fields, because
 * code that V8 has not optimised is slow with them, and `add` and `delete` are called for each checkout.
 */
export class CheckoutList<Entry extends Listed> implements CheckoutSet<Entry> {
  size = 0
  entries: (Entry | undefined)[] = []
  sessions: (Session | undefined)[] = []
  /** A gap is never due. */
  dueTimes = new Float64Array(initialCapacity)
  /** The place behind the last entry. */
  end = 0
  /** The place of the present round, and the place behind its last entry. */
  roundAt = 0
  roundEnd = 0

  /** An entry is in one list at a time. */
  add(entry: Entry): void {
    if (entry.place !== nowhere) return
    if (this.end === this.dueTimes.length) this.makeRoom()
    const place = this.end
    entry.place = place
    this.entries[place] = entry
    this.sessions[place] = entry.control
    this.dueTimes[place] = Number.NEGATIVE_INFINITY
    this.end = place + 1
    this.size += 1
  }

  delete(entry: Entry): boolean {
    const { place } = entry
    if (place === nowhere) return false
    entry.place = nowhere
    this.entries[place] = undefined
    this.sessions[place] = undefined
    this.dueTimes[place] = Number.POSITIVE_INFINITY
    this.size -= 1
    if (this.size === 0) this.clear()
    return true
  }

  setDue({ place }: Entry, at: number): void {
    if (place !== nowhere) this.dueTimes[place] = at
  }

  beginRound(): void {
    this.roundAt = 0
    this.roundEnd = this.end
  }

  nextDue(now: number): Entry | undefined {
    const { dueTimes, sessions, roundEnd } = this
    for (let place = this.roundAt; place < roundEnd; place += 1) {
      const due = dueTimes[place]
      if ((due === undefined || due > now) && sessions[place]?.gone !== true) continue
      this.roundAt = place + 1
      return this.entries[place]
    }
    this.roundAt = roundEnd
    return undefined
  }

  /** The present entries: those that are removed meanwhile are still visited. */
  [Symbol.iterator](): Iterator<Entry> {
    const present: Entry[] = []
    for (let place = 0; place < this.end; place += 1) {
      const entry = this.entries[place]
      if (entry !== undefined) present.push(entry)
    }
    return present[Symbol.iterator]()
  }

  clear(): void {
    this.end = 0
    this.beginRound()
    if (this.dueTimes.length <= keptCapacity) return
    this.entries = []
    this.sessions = []
    this.dueTimes = new Float64Array(initialCapacity)
  }

  makeRoom(): void {
    if (this.size <= this.end / 2) {
      this.closeGaps()
      return
    }
    const { dueTimes } = this
    this.dueTimes = new Float64Array(2 * dueTimes.length)
    this.dueTimes.set(dueTimes)
  }

  closeGaps(): void {
    const { entries, sessions, dueTimes, end, roundAt, roundEnd } = this
    let to = 0
    for (let from = 0; from < end; from += 1) {
      // Those before the place of the round stay before it.
      if (from === roundAt) this.roundAt = to
      if (from === roundEnd) this.roundEnd = to
      const entry = entries[from]
      if (entry === undefined) continue
      entry.place = to
      entries[to] = entry
      sessions[to] = sessions[from]
      dueTimes[to] = dueTimes[from] ?? Number.NEGATIVE_INFINITY
      to += 1
    }
    if (roundAt === end) this.roundAt = to
    if (roundEnd === end) this.roundEnd = to
    entries.fill(undefined, to)
    sessions.fill(undefined, to)
    this.end = to
  }
}
