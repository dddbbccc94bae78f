import type { Client, Method } from '../../client/types.ts'
import type { Checkout } from '../../core/checkout.ts'
import { withLaterStack } from '../../core/origin/later-stack.ts'
import { deepStack, setStackDepth } from '../../core/origin/origin.ts'
import { tagged } from '../../sql/comment.ts'
import type { WatchedConnection } from './connection.ts'
import type { ConnectionOwner } from './connection-owner.ts'
import type { KnownConnections } from './connections.ts'
import type { DriverSql, Query } from './driver.ts'

type Work = (...given: unknown[]) => unknown

/** The guarded `sql.begin`: a checkout from the call of its callback until the transaction has ended. */
export function guardedBegin(connections: KnownConnections, original: Method): Method {
  return function (...args) {
    const work = (args[1] || args[0]) as Work
    if (connections.core.unwatched || typeof work !== 'function') return Reflect.apply(original, this, args)
    const depth = setStackDepth(deepStack)
    const stack = new Error()
    setStackDepth(depth)
    const checkout = connections.core.request('connect', stack)
    const options = args[1] ? [args[0]] : []
    const begin = (guarded: Work) => Reflect.apply(original, this, [...options, guarded])
    return new Beginning(connections, checkout, work).run(begin)
  }
}

/** One call of `sql.begin`. */
class Beginning {
  readonly #connections: KnownConnections
  readonly #checkout: Checkout
  readonly #work: Work
  readonly #served: () => void
  /** The context of the caller; connections are opened outside any scope. */
  readonly #caller: unknown
  #connection: WatchedConnection | undefined
  #text = 'begin'
  #isAnswered = false
  #owner: ConnectionOwner | undefined
  /** The result of the work. */
  #result: unknown

  constructor(connections: KnownConnections, checkout: Checkout, work: Work) {
    this.#connections = connections
    this.#checkout = checkout
    this.#work = work
    this.#served = connections.ask()
    this.#caller = connections.core.ledger.context.current()
  }

  run(begin: (work: Work) => unknown): unknown {
    const { core } = this.#connections
    const checkout = this.#checkout
    const work: Work = (...given) => this.#begun(given)
    const running = core.start(checkout, () => this.#watchStart(() => begin(work))) as Promise<unknown>
    const over = running.then(
      (result) => {
        this.#over()
        return result
      },
      (error: unknown) => {
        if (!this.#isAnswered) {
          core.answered()
          core.failed(checkout, error)
        }
        this.#over()
        throw error
      },
    )
    if (!core.events.rejectsWaiters) return checkout.queued ? withLaterStack(over, checkout) : over
    const rejected = new Promise((_resolve, reject) => core.makeRejectable(checkout, reject))
    const answer = Promise.race([over, rejected])
    return checkout.queued ? withLaterStack(answer, checkout) : answer
  }

  /** Finds the connection of the driver's BEGIN, which is sent with `sql.unsafe`, by an option of this. */
  #watchStart(begin: () => unknown): unknown {
    const { sql } = this.#connections
    const { unsafe } = sql
    const watched: DriverSql['unsafe'] = (text, args, options) => {
      sql.unsafe = unsafe
      const { onexecute } = options ?? {}
      if (typeof onexecute !== 'function') return Reflect.apply(unsafe, sql, [text, args, options])
      this.#text = text.trim()
      const comment = this.#connections.commentOf(this.#checkout)
      const query: Query = Reflect.apply(unsafe, sql, [
        comment === '' ? text : tagged(text, comment),
        args,
        {
          ...options,
          onexecute: (connection: Parameters<typeof onexecute>[0]) => {
            const isOpen: unknown = Reflect.apply(onexecute, options, [connection])
            this.#served()
            this.#connection = this.#connections.take(connection, query)
            return isOpen
          },
        },
      ])
      return query
    }
    sql.unsafe = watched
    try {
      return begin()
    } finally {
      if (sql.unsafe === watched) sql.unsafe = unsafe
    }
  }

  /** BEGIN was answered, and the driver calls the work. */
  #begun(given: readonly unknown[]): unknown {
    const { core } = this.#connections
    this.#isAnswered = true
    this.#served()
    core.answered()
    // The driver rolls back, and the caller has its error already.
    if (core.isRejected(this.#checkout)) throw new Error('its caller has not waited for it')
    this.#handOut(given[0])
    const work = () => Reflect.apply(this.#work, undefined, given)
    this.#result = this.#caller === undefined ? work() : core.ledger.context.run(this.#caller, work)
    return this.#result
  }

  #handOut(sql: unknown): void {
    const { core } = this.#connections
    const checkout = this.#checkout
    const session = this.#connection?.session
    if (session === undefined || session.gone || typeof sql !== 'function') {
      core.ledger.withdrawn(checkout, 'got a client')
      return
    }
    this.#connections.setGiveBack(session, () => {})
    const handle = core.handOut(checkout, session)
    if (handle === session || this.#connection === undefined) return
    const owner = this.#connections.own(this.#connection, 'begin', handle as Client, sql, undefined)
    this.#owner = owner
    checkout.noteQuery(this.#text)
    session.opened()
  }

  #over(): void {
    const owner = this.#owner
    this.#served()
    if (owner === undefined) return
    if (!owner.isDestroyed) {
      this.#connection?.over(owner)
      return
    }
    // Its caller was answered when the session was closed; the work may continue.
    const release = () => owner.release(() => {})
    const result = this.#result
    void Promise.resolve(Array.isArray(result) ? Promise.allSettled(result) : result).then(release, release)
  }
}
