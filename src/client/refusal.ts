import type { Fence } from '../core/client-control.ts'
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
    process.nextTick(() => config.handleError?.(error, client.connection))
    return config
  }
  const callback = callbackOf(config, values, last)
  if (callback === undefined) return Promise.reject(error)
  process.nextTick(callback, error)
  return undefined
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

/** Statements already handed to the client learn of the fence in place of the error that it causes. */
export function translateFailure(query: SubmittedQuery, fence: Fence): void {
  const { callback } = query
  if (typeof callback !== 'function') return
  query.callback = (error, ...results) => callback(error ? fence.refusal(error) : error, ...results)
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
