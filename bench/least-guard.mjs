// @ts-check
import { AsyncLocalStorage } from 'node:async_hooks'

/**
 * @typedef {object} Checkout
 * @property {Error} stack
 * @property {unknown} scope
 * @property {number} since
 * @property {Session | undefined} session
 *
 * @typedef {object} Session
 * @property {Checkout | undefined} checkout
 * @property {string} letter The state of its transaction.
 * @property {number} since
 * @property {number} opening How many of its statements may open a transaction.
 */

/**
 * The least that can find a transaction left open, with the line and the request: no rules, no remedies, no faults, no
 * other pools. What a guard costs beyond this is its own; what this costs, none can save.
 * @param {import('pg').Pool} pool
 */
export function guardLeast(pool) {
  const connect = /** @type {any} */ (pool.connect)
  const scopes = new AsyncLocalStorage()
  /** @type {Set<Checkout>} */
  const open = new Set()
  /** @type {Map<string, boolean>} */
  const opens = new Map()
  /** @type {WeakMap<object, Session>} */
  const sessions = new WeakMap()

  /** @param {any} client */
  function sessionOf(client) {
    const known = sessions.get(client)
    if (known !== undefined) return known
    /** @type {Session} */
    const session = { checkout: undefined, letter: 'I', since: 0, opening: 0 }
    sessions.set(client, session)
    const query = client.query
    client.query = (/** @type {any[]} */ ...args) => {
      const text = args[0]?.text ?? args[0]
      let isOpening = opens.get(text)
      if (isOpening === undefined) {
        isOpening = /^\s*(?:begin|start\s)/i.test(text)
        opens.set(text, isOpening)
      }
      if (isOpening) session.opening += 1
      return query.apply(client, args)
    }
    client.connection.on('readyForQuery', (/** @type {{ status: string }} */ { status }) => {
      session.letter = status
      if (status !== 'I') session.since = performance.now()
    })
    return session
  }

  pool.connect = /** @type {typeof pool.connect} */ (
    /** @this {unknown} @param {any} callback */
    function (callback) {
      if (callback !== undefined) return connect.call(this, callback)
      const depth = Error.stackTraceLimit
      Error.stackTraceLimit = 2
      const stack = new Error()
      Error.stackTraceLimit = depth
      /** @type {Checkout} */
      const checkout = { stack, scope: scopes.getStore(), since: performance.now(), session: undefined }
      return new Promise((resolve, reject) => {
        connect.call(this, (/** @type {unknown} */ error, /** @type {any} */ client) => {
          if (error) return reject(error)
          const session = sessionOf(client)
          session.checkout = checkout
          checkout.session = session
          open.add(checkout)
          const release = client.release
          client.release = (/** @type {any} */ reason) => {
            open.delete(checkout)
            session.checkout = undefined
            return release(reason)
          }
          resolve(client)
        })
      })
    }
  )
  return { transactions: () => [...open].filter(({ session }) => session?.letter !== 'I') }
}
