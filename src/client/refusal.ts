import type { Fence } from '../core/client-control.ts'
import { tolerateUnawaited } from '../core/unawaited.ts'
import { isRollback, statementText } from '../sql/statement.ts'
import type { Callback, Client, SubmittedQuery } from './types.ts'

/** Rejects a statement the way node-postgres itself would, in the shape in which it was called. */
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
  if (callback === undefined) {
    tolerateUnawaited()
    return Promise.reject(error)
  }
  process.nextTick(callback, error)
  return undefined
}

/** Fails a statement that is not going to be sent, in a later turn, as the driver does. */
export function failQuery(client: Client, query: SubmittedQuery, error: Error): void {
  tolerateUnawaited()
  process.nextTick(() => {
    bearErrors(query)
    query.handleError?.(error, client.connection)
  })
}

/** A stream that nobody listens to for errors would end the process, which it would not have without a remedy. */
function bearErrors(query: SubmittedQuery): void {
  const { listenerCount, once } = query
  if ((query.callback !== undefined && !isStream(query)) || !listenerCount || !once) return
  if (listenerCount.call(query, 'error') === 0) once.call(query, 'error', () => {})
}

/** Whether the fence lets these arguments of `query` through: a plain ROLLBACK. */
export function admits(fence: Fence, config: unknown): boolean {
  if (!fence.admitsRollback) return false
  const text = statementText(config)
  return text !== undefined && isRollback(text)
}

/** Calls `send` once `settled` is settled, and answers in the shape in which the statement was called. */
export function deferred(settled: Promise<unknown>, args: readonly unknown[], send: () => unknown): unknown {
  const [config, values, last] = args
  const sent = settled.then(send, send)
  if (isSubmittable(config)) return config
  if (callbackOf(config, values, last) === undefined) return sent
  return undefined
}

/**
 * Statements already handed to the client fail with the fence's error in place of the one that it causes. `isCommit`: only
 * where the server has answered; without its answer nobody knows whether the transaction was committed.
 */
export function translateFailure(
  query: SubmittedQuery,
  fence: Fence,
  isCommit: boolean,
  failed: () => void,
): void {
  tolerateUnawaited()
  const { callback, handleError } = query
  // The callback of a COPY stream is a dummy for the driver.
  if (typeof callback === 'function' && !isStream(query)) {
    query.callback = (error, ...results) => {
      if (error) failed()
      const isUnknown = isCommit && !(error instanceof Error && 'severity' in error)
      callback(error && !isUnknown ? fence.refusal(error) : error, ...results)
    }
    return
  }
  // A cursor or a stream, which the driver tells of errors itself.
  if (typeof handleError !== 'function') return
  query.handleError = (error, connection) => {
    bearErrors(query)
    failed()
    handleError.call(query, fence.refusal(error), connection)
  }
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
