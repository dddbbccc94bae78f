import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from '../../test/randomised/random.ts'
import { accounts } from './traffic.ts'

/** No fault lasts longer. */
const endMillis = 60_000

/** Clients that ask the correct routes of a service, one request after the other with a pause, until they are stopped. */
export class Load {
  /** Transfers that were acknowledged and have not been looked for yet. */
  acknowledged: number[] = []
  requests = 0
  /** Answers other than 2xx, which the faults cause. */
  refused = 0
  readonly #url: string
  readonly #random: Random
  /** Requests under way, with method and path. */
  readonly #pending = new Map<symbol, string>()
  readonly #clients: Promise<void>[]
  #isStopped = false
  #transfers = 0

  constructor(url: string, clients: number, random: Random) {
    this.#url = url
    this.#random = random
    this.#clients = Array.from({ length: clients }, () => this.#ask())
  }

  /** Returns the requests that are still not answered after a minute. */
  async stop(): Promise<string[]> {
    this.#isStopped = true
    await Promise.race([Promise.all(this.#clients), sleep(endMillis, undefined, { ref: false })])
    return [...this.#pending.values()]
  }

  async #ask(): Promise<void> {
    while (!this.#isStopped) {
      await this.#request().catch(() => {
        this.refused += 1
      })
      await sleep(40 + this.#random.below(80))
    }
  }

  async #request(): Promise<void> {
    this.requests += 1
    const dice = this.#random.below(10)
    if (dice < 4) return await this.#fetch(`/accounts/${1 + this.#random.below(accounts.count)}`)
    if (dice < 5) return await this.#fetch('/statement')
    if (dice < 6) return await this.#fetch('/bookings', 'POST')
    const id = ++this.#transfers
    await this.#fetch(`/transfers/${id}`, 'POST')
    this.acknowledged.push(id)
  }

  async #fetch(path: string, method = 'GET'): Promise<void> {
    const request = Symbol(path)
    this.#pending.set(request, `${method} ${path}`)
    try {
      const response = await fetch(this.#url + path, { method })
      await response.arrayBuffer()
      if (!response.ok) throw new Error(`${response.status}`)
    } finally {
      this.#pending.delete(request)
    }
  }
}
