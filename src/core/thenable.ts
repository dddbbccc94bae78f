/** True for any thenable: a promise of any library, or a query builder, whose `then` starts its statement. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}
