export type Method = (this: object, ...args: unknown[]) => unknown

/** Returns the method to call in place of the class's own; undefined for `original`. */
export type Detour = (instance: object, name: string, original: Method) => unknown

const marked = Symbol.for('pg-lifeguard.detour')

/**
 * Passes each call of these methods of a class to `detour` first, for all instances and subclasses, including existing
 * ones. A class gets one detour, from the first copy of this package that sees it.
 *
 * @returns whether the class has the methods
 */
export function addDetour(type: unknown, names: readonly string[], detour: Detour): boolean {
  const prototype: unknown = typeof type === 'function' ? type.prototype : undefined
  if (typeof prototype !== 'object' || prototype === null) return false
  if (!names.every((name) => typeof Reflect.get(prototype, name) === 'function')) return false
  if (Object.hasOwn(prototype, marked)) return true
  Object.defineProperty(prototype, marked, { value: true })
  for (const name of names) addTo(prototype, name, detour)
  return true
}

function addTo(prototype: object, name: string, detour: Detour): void {
  const original = Reflect.get(prototype, name) as Method
  const before = Object.getOwnPropertyDescriptor(prototype, name)
  const replacement: Method = function (...args) {
    const other = detour(this, name, original)
    return Reflect.apply(typeof other === 'function' ? (other as Method) : original, this, args)
  }
  for (const property of ['name', 'length'] as const) {
    Object.defineProperty(replacement, property, { value: original[property], configurable: true })
  }
  Object.defineProperty(prototype, name, {
    value: replacement,
    enumerable: before?.enumerable ?? false,
    configurable: true,
    writable: true,
  })
}
