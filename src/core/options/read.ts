import { types } from 'node:util'
import { OptionError } from '../../errors.ts'
import { nearest } from '../../text/nearest.ts'
import { expectationOf, longestMillis } from './expectation.ts'
import type { OptionTable, Row, Rows, RowsFor, Settled } from './rows.ts'

type Entries = Readonly<Record<string, unknown>>

/**
 * Reads options against their table. Only own properties count: a polluted `Object.prototype` must not switch anything
 * on.
 *
 * @returns a copy in which each name is present, with its default if it has one
 * @throws OptionError if a name is unknown or a value is invalid
 */
export function readOptions<Options extends object, const TableRows extends RowsFor<NoInfer<Options>>>(
  table: OptionTable<NoInfer<Options>, TableRows>,
  given: Options,
): Settled<Options, TableRows> {
  const rows = table.rows as unknown as Rows
  return readRows(table.whole, table.prefix, rows, given) as Settled<Options, TableRows>
}

function readRows(whole: string, prefix: string, rows: Rows, given: unknown): Entries {
  if (!isObject(given)) throw new OptionError(whole, 'must be an object', given)
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(rows, name)) throw unknownOption(prefix, rows, name, given[name])
  }
  refuseInherited(prefix, rows, given)
  const settled: Record<string, unknown> = {}
  for (const [name, row] of plainRows(rows)) {
    const value = Object.hasOwn(given, name) ? given[name] : undefined
    settled[name] = readValue(prefix, name, row, value === undefined ? defaultOf(row) : value)
  }
  return settled
}

const known = new WeakMap<Rows, readonly (readonly [name: string, row: Row])[]>()

/**
 * Rows that inherit nothing, because a polluted prototype must not change them either. Cached: scopes are read often.
 */
function plainRows(rows: Rows): readonly (readonly [name: string, row: Row])[] {
  let plain = known.get(rows)
  if (plain === undefined) {
    plain = Object.entries(rows).map(([name, row]) => [name, plainRow(row)] as const)
    known.set(rows, plain)
  }
  return plain
}

function plainRow(row: Row): Row {
  return Object.assign(Object.create(null), row)
}

function defaultOf(row: Row): unknown {
  return 'default' in row ? row.default : undefined
}

function readValue(prefix: string, option: string, row: Row, value: unknown): unknown {
  if (value === undefined && row.required !== true) return undefined
  if (value === false && 'off' in row && row.off === true) return false
  if (isSingle(row) && fits(row, value)) return value
  const name = prefix + option
  switch (row.kind) {
    case 'array':
      return readArray(name, row, value)
    case 'options':
      if (!isObject(value)) throw unfit(name, row, value)
      return readRows(name, `${name}.`, row.rows as Rows, value)
    case 'map':
      return readMap(name, row, value)
    case 'object':
      requireMethods(name, row, value)
      return value
    default:
      throw unfit(name, row, value)
  }
}

/** A row whose value has no parts. */
type SingleRow = Exclude<Row, { readonly kind: 'array' | 'options' | 'map' | 'object' }>

function isSingle(row: Row): row is SingleRow {
  return row.kind !== 'array' && row.kind !== 'options' && row.kind !== 'map' && row.kind !== 'object'
}

function fits(row: SingleRow, value: unknown): boolean {
  switch (row.kind) {
    case 'boolean':
    case 'function':
      return typeof value === row.kind
    case 'millis': {
      if (typeof value !== 'number' || (row.whole === true && !Number.isInteger(value))) return false
      return (row.zero === true ? value >= 0 : value > 0) && value <= (row.most ?? longestMillis)
    }
    case 'count':
      return Number.isInteger(value) && (value as number) >= row.least
    case 'choice':
      return row.values.some((known) => known === value)
    case 'string': {
      if (row.or === 'function' && typeof value === 'function') return true
      if (row.or === 'RegExp' && types.isRegExp(value)) return true
      if (typeof value !== 'string') return false
      return row.content === 'any' || (row.content === 'visible' ? value.trim() : value) !== ''
    }
  }
}

function readArray(name: string, row: Row & { readonly kind: 'array' }, value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) {
    if (row.single !== true) throw unfit(name, row, value)
    return [readValue(name, '', plainRow(row.of), value)]
  }
  const itemRow: Row = Object.assign(plainRow(row.of), { required: true })
  return Array.from(value, (item, index) => readValue(name, `[${index}]`, itemRow, item))
}

/** Copied, because reports freeze their data. */
function readMap(name: string, row: Row, value: unknown): Entries {
  if (!isObject(value)) throw unfit(name, row, value)
  for (const [key, item] of Object.entries(value)) {
    if (!['string', 'number', 'boolean'].includes(typeof item)) {
      throw new OptionError(`${name}.${key}`, 'must be a string, a number, true or false', item)
    }
  }
  return { ...value }
}

/** The methods may be inherited: the object is often an instance of a class. */
function requireMethods(name: string, row: Row & { readonly kind: 'object' }, value: unknown): void {
  if (!isObject(value)) throw unfit(name, row, value)
  for (const method of row.methods) {
    if (typeof value[method] === 'function') continue
    if (row.expected !== undefined) throw unfit(name, row, value)
    throw new OptionError(`${name}.${method}`, 'must be a function', value[method])
  }
}

/** Refuses inherited options, which would be ignored silently. */
function refuseInherited(prefix: string, rows: Rows, given: object): void {
  let behind: unknown = Object.getPrototypeOf(given)
  if (behind === Object.prototype) return
  // The last one is Object.prototype, of this or another realm.
  while (isObject(behind) && Object.getPrototypeOf(behind) !== null) {
    for (const name of Object.keys(rows)) {
      if (Object.hasOwn(behind, name) && !Object.hasOwn(given, name)) {
        throw new OptionError(
          prefix + name,
          'must be an own property of the options, not inherited',
          Reflect.get(given, name),
        )
      }
    }
    behind = Object.getPrototypeOf(behind)
  }
}

function unfit(name: string, row: Row, value: unknown): OptionError {
  const isSecret = row.kind === 'string' && row.secret === true
  return new OptionError(name, expectationOf(row), isSecret ? concealed(value) : value)
}

function unknownOption(prefix: string, rows: Rows, name: string, value: unknown): OptionError {
  const near = nearest(name, [...Object.keys(rows), ...namesInside(rows)], lastSegment)
  const help =
    near === undefined ? `known are ${Object.keys(rows).join(', ')}` : `did you mean ${prefix}${near}?`
  // It may be a secret under a misspelled name.
  const mayBeSecret =
    typeof value === 'string' &&
    Object.values(rows).some((row) => row.kind === 'string' && row.secret === true)
  return OptionError.unknown(prefix + name, help, mayBeSecret ? concealed(value) : value)
}

/** Names of options inside options: `limits.holdMillis`. */
function namesInside(rows: Rows): string[] {
  return Object.entries(rows).flatMap(([outer, row]) =>
    row.kind === 'options' ? Object.keys(row.rows).map((inner) => `${outer}.${inner}`) : [],
  )
}

function lastSegment(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1)
}

/** A placeholder for a value that must not be shown. */
function concealed(value: unknown): unknown {
  const isBlank = typeof value === 'string' && value.trim() === ''
  const noun = isBlank ? 'string without visible characters' : `${typeof value} that is not shown`
  return { constructor: { name: noun } }
}

function isObject(value: unknown): value is Entries {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
