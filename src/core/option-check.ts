import { describeValue, OptionError } from '../errors.ts'

/** @throws OptionError if `value` is not an object with options */
export function requireObject(name: string, value: unknown): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new OptionError(name, 'must be an object', value)
  }
}

/** @throws OptionError that names the first option which is not among the known ones */
export function rejectUnknown(prefix: string, given: object, known: readonly string[]): void {
  for (const [name, value] of Object.entries(given)) {
    if (known.includes(name)) continue
    const there = `${known.length === 1 ? 'there is' : 'there are'} ${known.join(', ')}`
    throw new OptionError(`${prefix}${name}`, `is not an option (${there})`, value)
  }
}

/** @throws OptionError if `value` is none of the allowed ones */
export function oneOf<T extends string>(name: string, value: unknown, allowed: readonly T[]): T {
  const found = allowed.find((candidate) => candidate === value)
  if (found === undefined) {
    throw new OptionError(name, `must be ${allowed.map(describeValue).join(' or ')}`, value)
  }
  return found
}

/** @throws OptionError if `value` is neither true nor false */
export function requireBoolean(name: string, value: unknown): void {
  if (typeof value !== 'boolean') throw new OptionError(name, 'must be true or false', value)
}
