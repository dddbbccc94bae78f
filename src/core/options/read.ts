import { types } from 'node:util'
import { OptionError } from '../../errors.ts'
import { nearest } from '../../text/nearest.ts'
import { expectationOf, longestMillis } from './expectation.ts'
import type { OptionTable, Row, Rows, RowsFor, Settled } from './rows.ts'

type Entries = Readonly<Record<string, unknown>>

/**
 * Reads options against their table. Only own properties count: what somebody has put on `Object.prototype` must not
 * switch anything on.
 *
 * @returns a copy in which each name is present, with its default where it has one
 * @throws OptionError if a name is unknown or a value cannot work
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
  for (const [name, row] of Object.entries(rows)) {
    const value = own(given, name)
    settled[name] = readValue(prefix + name, row, value === undefined ? own(row, 'default') : value)
  }
  return settled
}

function readValue(name: string, inTable: Row, value: unknown): unknown {
  // Nor must it change what a row says.
  const row: Row = Object.assign(Object.create(null), inTable)
  if (value === undefined && row.required !== true) return undefined
  if (value === false && 'off' in row && row.off === true) return false
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
      if (!fits(row, value)) throw unfit(name, row, value)
      return value
  }
}

type PlainRow = Exclude<Row, { readonly kind: 'array' | 'options' | 'map' | 'object' }>

function fits(row: PlainRow, value: unknown): boolean {
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
    return [readValue(name, row.of, value)]
  }
  const itemRow = { ...row.of, required: true } as Row
  return Array.from(value, (item, index) => readValue(`${name}[${index}]`, itemRow, item))
}

/** Copied, for reports freeze what they show. */
function readMap(name: string, row: Row, value: unknown): Entries {
  if (!isObject(value)) throw unfit(name, row, value)
  for (const [key, item] of Object.entries(value)) {
    if (!['string', 'number', 'boolean'].includes(typeof item)) {
      throw new OptionError(`${name}.${key}`, 'must be a string, a number, true or false', item)
    }
  }
  return { ...value }
}

/** Methods of a foreign object may be inherited: it often is an instance of a class. */
function requireMethods(name: string, row: Row & { readonly kind: 'object' }, value: unknown): void {
  if (!isObject(value)) throw unfit(name, row, value)
  for (const method of row.methods) {
    if (typeof value[method] === 'function') continue
    if (row.expected !== undefined) throw unfit(name, row, value)
    throw new OptionError(`${name}.${method}`, 'must be a function', value[method])
  }
}

/** An option that only a class or another object behind this one has would be passed over in silence. */
function refuseInherited(prefix: string, rows: Rows, given: object): void {
  let behind: unknown = Object.getPrototypeOf(given)
  // The last one is Object.prototype, of this realm or another's.
  while (isObject(behind) && Object.getPrototypeOf(behind) !== null) {
    for (const name of Object.keys(rows)) {
      if (Object.hasOwn(behind, name) && !Object.hasOwn(given, name)) {
        throw new OptionError(
          prefix + name,
          'must be a property of the options themselves, not inherited',
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
  // It may be a secret under a misspelt name.
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

/** Stands for a value that must not be shown. */
function concealed(value: unknown): unknown {
  const isBlank = typeof value === 'string' && value.trim() === ''
  const noun = isBlank ? 'string without visible characters' : `${typeof value} that is not shown`
  return { constructor: { name: noun } }
}

function own(object: object, name: string): unknown {
  return Object.hasOwn(object, name) ? Reflect.get(object, name) : undefined
}

function isObject(value: unknown): value is Entries {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
