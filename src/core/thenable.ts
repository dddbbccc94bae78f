/** True for anything that can be awaited: a promise of any library, or a query builder, which starts its statement then. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}
