import { Override } from '../../client/override.ts'
import type { Checkout } from '../../core/checkout.ts'
import type { ClientControl, Work } from '../../core/client-control.ts'
import type { Ledger } from '../../core/ledger.ts'
import { isThenable } from '../../core/thenable.ts'
import type { SlonikConnection } from './types.ts'

/**
 * A connection of Slonik whose client cannot be reached. Its statements and its hold are seen, but not the state of its
 * transaction, and no remedy can act on it.
 */
export class ObservedConnection {
  checkout: Checkout | undefined
  readonly #connection: SlonikConnection
  readonly #ledger: Ledger
  readonly #overrides: readonly Override[]
  readonly #gone: () => void
  #queries = 0
  #streams = 0

  constructor(connection: SlonikConnection, ledger: Ledger, gone: () => void) {
    this.#connection = connection
    this.#ledger = ledger
    this.#gone = gone
    this.#overrides = [
      new Override(connection, 'query', (original) => this.#queryFor(original)),
      new Override(connection, 'stream', (original) => this.#streamFor(original)),
    ]
    // Slonik closes the connection of a failed owner without calling interceptors.
    connection.on('destroy', this.#onDestroy)
  }

  begin(checkout: Checkout): void {
    this.checkout = checkout
    this.#ledger.acquired(checkout, this.#control())
  }

  end(): void {
    if (this.checkout !== undefined) this.#ledger.closed(this.checkout, false)
    this.checkout = undefined
  }

  unguard(): void {
    if (this.checkout !== undefined) this.#ledger.dismiss(this.checkout)
    this.checkout = undefined
    this.#connection.removeListener('destroy', this.#onDestroy)
    for (const override of this.#overrides.toReversed()) override.restore()
  }

  readonly #onDestroy = (): void => {
    this.end()
    this.#gone()
  }

  #queryFor(original: Override['original']): Override['original'] {
    const connection = this
    return function (...args) {
      const { checkout } = connection
      connection.#sending(checkout, args[0])
      connection.#queries += 1
      const answered = (failed: boolean) => {
        connection.#queries -= 1
        connection.#answered(checkout, failed)
      }
      const answer: unknown = Reflect.apply(original, this, args)
      if (isThenable(answer))
        answer.then(
          () => answered(false),
          () => answered(true),
        )
      else answered(false)
      return answer
    }
  }

  #streamFor(original: Override['original']): Override['original'] {
    const connection = this
    return function (...args) {
      const { checkout } = connection
      connection.#sending(checkout, args[0])
      const stream = Reflect.apply(original, this, args) as {
        once(event: 'close', listener: () => void): unknown
      }
      connection.#streams += 1
      stream.once('close', () => {
        connection.#streams -= 1
        connection.#answered(checkout, false)
      })
      return stream
    }
  }

  #sending(checkout: Checkout | undefined, text: unknown): void {
    if (checkout === undefined) return
    if (this.#work() === 'none') checkout.busySince = this.#ledger.time.now()
    checkout.noteQuery(typeof text === 'string' ? text : undefined)
  }

  #answered(checkout: Checkout | undefined, failed: boolean): void {
    if (checkout === undefined || checkout !== this.checkout) return
    checkout.noteAnswer(this.#ledger.time.now())
    checkout.lastQueryFailed = failed
  }

  #work(): Work {
    if (this.#streams > 0) return 'portal'
    return this.#queries > 0 ? 'query' : 'none'
  }

  #control(): ClientControl {
    const work = () => this.#work()
    const refused = () => Promise.reject(new Error('the client of this connection cannot be reached'))
    return {
      isObserved: true,
      pid: undefined,
      transaction: 'idle',
      transactionSince: 0,
      inherited: false,
      transactionStack: undefined,
      changes: undefined,
      contents: undefined,
      setUpByHost: false,
      gone: false,
      hasFailedAtFence: false,
      work,
      isReady: () => true,
      whenReady: () => Promise.resolve(),
      run: refused,
      read: refused,
      runFirst: refused,
      cancel: refused,
      fence() {},
      lowerFence() {},
      destroy() {},
    }
  }
}
