import { describeValue } from '../../errors.ts'
import type { Row } from './rows.ts'

/** Timers cannot wait longer, and PostgreSQL's settings have the same maximum. */
export const longestMillis = 2 ** 31 - 1

/** The requirement that a message states: `must be true or false`. */
export function expectationOf(row: Row): string {
  return row.expected ?? `must be ${nounOf(row)}${'off' in row && row.off === true ? ' or false' : ''}`
}

function nounOf(row: Row): string {
  switch (row.kind) {
    case 'boolean':
      return 'true or false'
    case 'millis': {
      const whole = row.whole === true ? ' whole' : ''
      const { zero, most = longestMillis } = row
      return zero === true
        ? `a${whole} number of milliseconds from 0 to ${most}`
        : `a positive${whole} number of milliseconds (at most ${most})`
    }
    case 'count':
      return row.least === 0 ? 'a whole number, 0 or more' : 'a positive whole number'
    case 'choice':
      return anyOf(row.values.map(describeValue))
    case 'string':
      if (row.or === 'function') return 'a string or a function that returns one'
      if (row.or === 'RegExp') return 'a string or a RegExp'
      return row.content === 'any' ? 'a string' : 'a string that is not empty'
    case 'function':
      return 'a function'
    case 'array':
      return 'an array'
    case 'object':
    case 'map':
    case 'options':
      return 'an object'
  }
}

function anyOf(values: readonly string[]): string {
  const last = values.at(-1) ?? ''
  return values.length < 2 ? last : `${values.slice(0, -1).join(', ')} or ${last}`
}
