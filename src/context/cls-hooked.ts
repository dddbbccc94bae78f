import type { ScopeContext } from '../core/scope.ts'
import { OptionError } from '../errors.ts'

/** The methods of a `cls-hooked` namespace that are needed. */
export interface NamespaceLike {
  readonly active: unknown
  get(key: string): unknown
  set(key: string, value: unknown): unknown
  runAndReturn(work: () => unknown): unknown
}

const key = 'pg-lifeguard.scope'

/**
 * Carries the scope in a `cls-hooked` namespace, for services that already use one (`Sequelize.useCLS`, for example):
 * their own `namespace.run` and `bind` carry the scope, too.
 *
 * @throws OptionError if the argument is not a namespace
 *
 * @example
 * const namespace = createNamespace('requests')
 * const lifeguard = createLifeguard({ context: clsHookedContext(namespace) })
 */
export function clsHookedContext(namespace: NamespaceLike): ScopeContext {
  for (const method of ['get', 'set', 'runAndReturn'] as const) {
    if (typeof namespace?.[method] !== 'function') {
      const expected = `must be a namespace of cls-hooked, with a method ${method}`
      throw new OptionError('clsHookedContext(namespace)', expected, namespace)
    }
  }
  return {
    // Outside a run of the namespace there is no active context, and `get` would fail.
    current: () => (namespace.active ? namespace.get(key) : undefined),
    run<Result>(value: unknown, work: () => Result): Result {
      return namespace.runAndReturn(() => {
        namespace.set(key, value)
        return work()
      }) as Result
    },
  }
}
