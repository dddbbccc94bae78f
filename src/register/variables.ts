import { expectationOf } from '../core/options/expectation.ts'
import type { Row, Rows } from '../core/options/rows.ts'
import { describeValue, OptionError } from '../errors.ts'
import { type LifeguardOptions, lifeguardOptions } from '../options.ts'
import { readDuration } from '../text/duration.ts'
import { nearest } from '../text/nearest.ts'
import { type Preset, presets } from './presets.ts'

export type ReporterName = 'console' | 'json' | 'none'

/** The settings in the environment. */
export interface Variables {
  readonly options: LifeguardOptions
  readonly preset: Preset | undefined
  readonly reporter: ReporterName
  /** The variables that are set, with their values, in alphabetical order. */
  readonly given: readonly (readonly [name: string, value: string])[]
}

/** An option of `createLifeguard` as a variable of the environment. */
export interface Variable {
  readonly name: string
  /** The path of the option: `['limits', 'holdMillis']`. */
  readonly path: readonly string[]
  readonly row: Row
}

/** A variable of the command line, which may be in the application's environment, too. */
const foreign = 'LIFEGUARD_TOKEN'
const presetRow = {
  kind: 'choice',
  values: ['development', 'test', 'staging', 'production'],
} as const satisfies Row
const reporterRow = { kind: 'choice', values: ['console', 'json', 'none'] } as const satisfies Row
/** Options that are objects of the application, and cannot be given as text. */
const withoutVariable: ReadonlySet<string> = new Set(['clock', 'context', 'reporters'])

/** All variables except `LIFEGUARD_PRESET` and `LIFEGUARD_REPORTER`, one for each option that can be given as text. */
export const optionVariables: readonly Variable[] = Object.entries(lifeguardOptions.rows as Rows)
  .filter(([option]) => !withoutVariable.has(option))
  .flatMap(([option, row]) => variablesOf(option, row))

function variablesOf(option: string, row: Row): Variable[] {
  if (row.kind !== 'options') return [{ name: `LIFEGUARD_${upper(option)}`, path: [option], row }]
  // The names of limits are clear by themselves; all others need the name of their option.
  const group = { limits: '', remedies: 'REMEDY_' }[option] ?? `${upper(option)}_`
  const inner = Object.entries(row.rows as Rows).map(([name, innerRow]) => ({
    name: `LIFEGUARD_${group}${upper(name.replace(/Millis$/, ''))}`,
    path: [option, name],
    row: innerRow,
  }))
  return row.off === true ? [{ name: `LIFEGUARD_${upper(option)}`, path: [option], row }, ...inner] : inner
}

/** `idleTransaction` and `idle-transaction` as `IDLE_TRANSACTION`. */
function upper(name: string): string {
  return name
    .replace(/[a-z](?=[A-Z])/g, '$&_')
    .replaceAll('-', '_')
    .toUpperCase()
}

/**
 * Reads the variables `LIFEGUARD_*`. An empty one counts as not set.
 *
 * @throws OptionError with the variable's name if it is unknown or its value is invalid
 */
export function readVariables(env: NodeJS.ProcessEnv): Variables {
  const given = Object.entries(env)
    .filter((entry): entry is [string, string] => entry[0].startsWith('LIFEGUARD_') && Boolean(entry[1]))
    .filter(([name]) => name !== foreign)
    .sort(([one], [other]) => (one < other ? -1 : 1))
  const all = new Map(given)
  const preset = readChoice(presetRow, 'LIFEGUARD_PRESET', all)
  const reporter = readChoice(reporterRow, 'LIFEGUARD_REPORTER', all)
  const chosen = preset === undefined ? undefined : presets[preset]
  const options: Record<string, unknown> = { ...chosen?.options }
  for (const { name, path, row } of optionVariables) {
    const text = all.get(name)
    all.delete(name)
    if (text !== undefined) put(options, path, readText(name, row, text))
  }
  for (const [name, value] of all) throw unknownVariable(name, value)
  return { options, preset, reporter: reporter ?? chosen?.reporter ?? 'console', given }
}

function readChoice<Value extends string>(
  row: Row & { readonly kind: 'choice'; readonly values: readonly [Value, ...Value[]] },
  name: string,
  from: Map<string, string>,
): Value | undefined {
  const text = from.get(name)
  from.delete(name)
  return text === undefined ? undefined : (readText(name, row, text) as Value)
}

function put(
  options: Record<string, unknown>,
  [option = '', inner]: readonly string[],
  value: unknown,
): void {
  if (inner === undefined) {
    options[option] = value
    return
  }
  const outer = options[option]
  options[option] = { ...(typeof outer === 'object' ? outer : {}), [inner]: value }
}

function readText(name: string, row: Row, text: string): unknown {
  if ('off' in row && row.off === true && /^(?:off|false)$/i.test(text)) return false
  const value = parseText(name, row, text)
  if (value === undefined) throw new OptionError(name, requirementOf(row), text)
  return value
}

/** Parses a value; undefined if it is invalid. */
function parseText(name: string, row: Row, text: string): unknown {
  switch (row.kind) {
    case 'boolean':
      return /^(?:true|on|1)$/i.test(text) ? true : /^(?:false|off|0)$/i.test(text) ? false : undefined
    case 'millis': {
      const millis = readDuration(text)
      return millis === 0 ? undefined : millis
    }
    case 'count':
      return /^\d{1,9}$/.test(text) && Number(text) >= row.least ? Number(text) : undefined
    case 'choice':
      return row.values.find((value) => value === text)
    case 'string':
      return text.trim() === '' ? undefined : text
    case 'array':
      return readItems(name, row.of as Row, text)
    case 'options':
      return /^(?:on|true)$/i.test(text) ? {} : undefined
    default:
      return undefined
  }
}

function readItems(name: string, row: Row, text: string): unknown {
  if (row.kind !== 'options') return text.split(',').map((item) => readText(name, row, item.trim()))
  try {
    const items: unknown = JSON.parse(text)
    return Array.isArray(items) ? items : undefined
  } catch {
    return undefined
  }
}

function requirementOf(row: Row): string {
  const off = 'off' in row && row.off === true ? ', or off' : ''
  switch (row.kind) {
    case 'boolean':
      return 'must be true or false'
    case 'millis':
      return `must be a duration such as 500ms, 10s or 2m${off}`
    case 'options':
      return 'must be on or off'
    case 'array':
      return 'must be an array in JSON'
    default:
      return expectationOf(row).replace(/ or false$/, off)
  }
}

function unknownVariable(name: string, value: string): OptionError {
  const names = [
    'LIFEGUARD_PRESET',
    'LIFEGUARD_REPORTER',
    ...optionVariables.map((variable) => variable.name),
  ]
  const distinctive = (variable: string) => variable.slice('LIFEGUARD_'.length)
  const near = nearest(distinctive(name), names, distinctive)
  const help = near === undefined ? `known are ${names.join(', ')}` : `did you mean ${near}?`
  return new OptionError(name, help, value, `unknown variable ${name}; ${help} (got ${describeValue(value)})`)
}
