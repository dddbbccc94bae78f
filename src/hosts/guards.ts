import type { GuardedClient } from '../client/guarded-client.ts'
import type { Client } from '../client/types.ts'

/** All of them are looked at in this number of sweeps, less than there are before the timer rests. */
const sweepsPerLook = 8

type Guard = Pick<GuardedClient, 'client' | 'isOver' | 'sweep'>

/**
 * The guards of one pool's clients. There may be thousands, and for most of them a sweep has nothing to do: the client
 * is idle, or stays with its owner. It visits those that have been stirred since the last one.
 */
export class Guards<G extends Guard = GuardedClient> implements Iterable<G> {
  /** Those of removed clients, too, as long as these exist. */
  readonly known = new WeakMap<Client, G>()
  readonly #alive = new Set<G>()
  readonly #stirred = new Set<G>()
  /** Those that are still to be looked at, and how many in each sweep. */
  #look = this.#alive.values()
  #perSweep = 0

  add(guard: G): void {
    this.known.set(guard.client, guard)
    this.#alive.add(guard)
  }

  remove(client: Client): void {
    const guard = this.known.get(client)
    if (guard === undefined) return
    this.#alive.delete(guard)
    this.#stirred.delete(guard)
  }

  /** The next sweep has to visit it. */
  stir(guard: G): void {
    this.#stirred.add(guard)
  }

  /** Called by each sweep. Returns whether a client was found that is checked out past the guard. */
  sweep(): boolean {
    this.#forgetOver()
    if (this.#stirred.size === 0) return false
    const stirred = [...this.#stirred]
    // A visit may stir it for the next sweep.
    this.#stirred.clear()
    return stirred.filter((guard) => guard.sweep()).length > 0
  }

  [Symbol.iterator](): Iterator<G> {
    return this.#alive.values()
  }

  /** Forgets those that are over. Only memory depends on it, and most pools report the end of their clients. */
  #forgetOver(): void {
    this.#perSweep = Math.max(this.#perSweep, Math.ceil(this.#alive.size / sweepsPerLook))
    for (let left = this.#perSweep; left > 0; left -= 1) {
      const { value: guard, done } = this.#look.next()
      if (done === true) {
        this.#look = this.#alive.values()
        this.#perSweep = 0
        return
      }
      if (guard.isOver) this.#alive.delete(guard)
    }
  }
}
