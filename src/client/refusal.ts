import type { Fence } from '../core/client-control.ts'
import { LifeguardError } from '../errors.ts'
import { isRollback, statementText } from '../sql/statement.ts'
import type { Callback, Client, SubmittedQuery } from './types.ts'

/** Rejects a statement as node-postgres would: by promise, callback or event, as it was called. */
export function refuse(client: Client, error: Error, args: readonly unknown[]): unknown {
  const [config, values, last] = args
  if (isSubmittable(config)) {
    if (config.callback === undefined) {
      const given = [values, last].find((argument) => typeof argument === 'function')
      if (given !== undefined) config.callback = given as Callback
    }
    failQuery(client, config, error)
    return config
  }
  const callback = callbackOf(config, values, last)
  if (callback === undefined) return Promise.reject(error)
  process.nextTick(callback, error)
  return undefined
}

/** Fails a statement without sending it, in a later turn, as the driver does. */
export function failQuery(client: Client, query: SubmittedQuery, error: Error): void {
  process.nextTick(() => {
    bearErrors(query)
    query.handleError?.(error, client.connection)
  })
}

/**
 * Without a listener for errors a stream would end the process, which it would not have done without a remedy. One that
 * `pipe` has added does not count: it throws where there is no other.
 */
function bearErrors(query: SubmittedQuery): void {
  if (query.callback === undefined || isStream(query)) query.once?.('error', () => {})
}

/** Whether the fence lets these arguments of `query` through: a plain ROLLBACK. */
export function admits(fence: Fence, config: unknown): boolean {
  if (!fence.admitsRollback) return false
  const text = statementText(config)
  return text !== undefined && isRollback(text)
}

/** Calls `send` after `settled`, and answers by promise or callback, as the statement was called. */
export function deferred(settled: Promise<unknown>, args: readonly unknown[], send: () => unknown): unknown {
  const [config, values, last] = args
  const sent = settled.then(send, send)
  if (isSubmittable(config)) return config
  if (callbackOf(config, values, last) === undefined) return sent
  return undefined
}

/**
 * Makes statements that are already queued in the client fail with the fence's error, not with the error that it causes.
 * A COMMIT (`isCommit`) only if the server has answered: without an answer it is unknown whether it was committed.
 */
export function translateFailure(
  query: SubmittedQuery,
  fence: Fence,
  isCommit: boolean,
  failed: () => void,
): void {
  const { callback, handleError } = query
  // The callback of a COPY stream is only a placeholder for the driver.
  if (typeof callback === 'function' && !isStream(query)) {
    query.callback = (error, ...results) => {
      if (error) failed()
      const isUnknown = isCommit && !(error instanceof Error && 'severity' in error)
      callback(error && !isUnknown ? refusalOf(fence, error) : error, ...results)
    }
    return
  }
  // The driver passes errors to a cursor or a stream by `handleError`.
  if (typeof handleError !== 'function') return
  const end = endWithoutServer(query)
  query.handleError = (error, connection) => {
    bearErrors(query)
    failed()
    handleError.call(query, refusalOf(fence, error), connection)
    end()
  }
}

/** A remedy that has failed is followed by another one, whose error says what became of the session in the end. */
function refusalOf(fence: Fence, error: unknown): Error {
  return error instanceof LifeguardError ? error : fence.refusal(error)
}

/**
 * To close a cursor, or to destroy a COPY, is to wait for an answer of the server, which a session that is closed never
 * gives. Returns what to call once it has failed.
 */
function endWithoutServer(query: SubmittedQuery): () => void {
  const cursor = isCursor(query.cursor) ? query.cursor : query
  if (isCursor(cursor)) {
    cursor.close = (callback) => {
      if (callback === undefined) return Promise.resolve()
      setImmediate(callback)
      return undefined
    }
    return () => {}
  }
  if (!isStream(query) || query.destroy === undefined) return () => {}
  query._destroy = (error, callback) => callback(error)
  return () => query.destroy?.()
}

function isCursor(value: unknown): value is { close(callback?: Callback): unknown } {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof Reflect.get(value, 'read') === 'function' &&
    typeof Reflect.get(value, 'close') === 'function'
  )
}

function isStream(query: SubmittedQuery): boolean {
  return 'write' in query || 'pipe' in query
}

function isSubmittable(config: unknown): config is SubmittedQuery & { submit: unknown } {
  return (
    typeof config === 'object' && config !== null && 'submit' in config && typeof config.submit === 'function'
  )
}

function callbackOf(config: unknown, values: unknown, last: unknown): Callback | undefined {
  if (typeof values === 'function') return values as Callback
  if (typeof last === 'function') return last as Callback
  if (typeof config !== 'object' || config === null || !('callback' in config)) return undefined
  return typeof config.callback === 'function' ? (config.callback as Callback) : undefined
}
