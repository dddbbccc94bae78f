const restored = new WeakMap<object, unknown>()

/** The guard was taken off during a checkout: the client has the pool's own `release` again in place of the guard's. */
export function noteRestored(guarded: object, own: unknown): void {
  restored.set(guarded, own)
}

/** What a client's `release` is now if it is still the one of the checkout that `release` was taken from. */
export function presentRelease(release: object): unknown {
  return restored.get(release) ?? release
}
