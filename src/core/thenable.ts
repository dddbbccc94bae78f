/** Whether it can be awaited: a promise of any library, or a query builder, which starts its statement when it is. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}
