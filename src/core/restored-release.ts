const restored = new WeakMap<object, unknown>()

/** Records that `unwatch` has restored the pool's own `release` of a client during a checkout. */
export function noteRestored(guarded: object, own: unknown): void {
  restored.set(guarded, own)
}

/** The value of a client's `release` now, if it still belongs to the checkout of the given `release`. */
export function presentRelease(release: object): unknown {
  return restored.get(release) ?? release
}
