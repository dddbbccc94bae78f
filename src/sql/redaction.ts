import { sqlTokens, type Token } from './lexer.ts'

/** The form of a statement's text in reports. Bind values are never part of it. */
export type QueryTextMode = 'full' | 'redacted' | 'none'

const longestText = 300
/** The limit of `full`, because a bulk insert may have megabytes. */
const longestFull = 10_000
/** A longer text is truncated before it is redacted. If that cuts a literal, the rest is hidden. */
const longestScan = 8 * longestText

/** The text for a report: one short line with literals replaced, or, in mode `full`, as it was sent. */
export function presentQueryText(text: string | undefined, mode: QueryTextMode): string | undefined {
  if (text === undefined || mode === 'none') return undefined
  if (mode === 'full') return text.length > longestFull ? `${text.slice(0, longestFull)}...` : text
  const redacted = redact(text.slice(0, longestScan))
  return redacted.length > longestText ? `${redacted.slice(0, longestText)}...` : redacted
}

/** Replaces values by `?`, and removes comments, which may contain some. An unclosed literal hides the rest. */
function redact(sql: string): string {
  let result = ''
  let before: Token['kind'] | undefined
  for (const { kind, text } of statements(sql).flatMap(withoutBareValues)) {
    if (kind === 'blank') result += ' '
    else if (kind !== 'string' && kind !== 'number') result += text
    else result += before === 'word' ? ' ?' : '?'
    before = kind
  }
  return result.replace(/\s+/g, ' ').trim()
}

/** The tokens of each statement, its semicolon included. */
function statements(sql: string): Token[][] {
  const all: Token[][] = [[]]
  for (const token of sqlTokens(sql)) {
    all.at(-1)?.push(token)
    if (token.text === ';') all.push([])
  }
  return all
}

/** SET with these assigns no setting. */
const otherForms =
  /^(?:role|authorization|transaction|characteristics|constraints|time|names|schema|catalog|xml)$/
/** CREATE and ALTER of these take passwords. */
const withPassword = /^(?:role|user|group|server|subscription|foreign|database)$/
const hidden: Token = { kind: 'string', text: '?' }

/**
 * Hides values without quotes, or in double quotes: after `SET name =` or `TO`, to the end of the statement, and after
 * `PASSWORD`, although the server does not accept it there.
 */
function withoutBareValues(statement: readonly Token[]): readonly Token[] {
  const [first = -1, second = -1] = statement.flatMap(({ kind }, at) => (kind === 'blank' ? [] : [at]))
  const verb = wordAt(statement, first)
  if (verb === 'set') return withoutSetting(statement, first)
  if (verb !== 'alter' && verb !== 'create') return statement
  const set = statement.findIndex(
    (_token, at) => wordAt(statement, at) === 'set' && isAssignment(statement, at),
  )
  const upToSet = set === -1 ? statement : withoutSetting(statement, set)
  return withPassword.test(wordAt(statement, second)) ? withoutPasswords(upToSet) : upToSet
}

function withoutSetting(statement: readonly Token[], set: number): readonly Token[] {
  const name = nameAfter(statement, set)
  if (otherForms.test(wordAt(statement, name))) return statement
  const operator = endOfName(statement, name)
  const value = isOperator(statement, operator) ? skipBlank(statement, operator + 1) : operator
  if (value >= statement.length || statement[value]?.text === ';') return statement
  const semicolon = statement.at(-1)?.text === ';' ? statement.slice(-1) : []
  return [...statement.slice(0, value), hidden, ...semicolon]
}

function withoutPasswords(statement: readonly Token[]): readonly Token[] {
  const shown: Token[] = []
  for (let at = 0; at < statement.length; at++) {
    shown.push(...statement.slice(at, at + 1))
    if (wordAt(statement, at) !== 'password') continue
    let value = skipBlank(statement, at + 1)
    if (statement[value]?.text === '=') value = skipBlank(statement, value + 1)
    const end = endOfPassword(statement, value)
    if (end === value || wordAt(statement, value) === 'null') continue
    shown.push(...statement.slice(at + 1, value), hidden)
    at = end - 1
  }
  return shown
}

/** The end of a password without quotes: the next blank, comma, semicolon or parenthesis. */
function endOfPassword(statement: readonly Token[], value: number): number {
  const end = statement.findIndex(
    ({ kind, text }, at) => at >= value && (kind === 'blank' || /^[,;)]$/.test(text)),
  )
  return end === -1 ? statement.length : end
}

function isAssignment(statement: readonly Token[], set: number): boolean {
  return isOperator(statement, endOfName(statement, nameAfter(statement, set)))
}

function isOperator(statement: readonly Token[], at: number): boolean {
  return statement[at]?.text === '=' || wordAt(statement, at) === 'to'
}

function nameAfter(statement: readonly Token[], set: number): number {
  const at = skipBlank(statement, set + 1)
  return /^(?:session|local)$/.test(wordAt(statement, at)) ? skipBlank(statement, at + 1) : at
}

/** The position after a name such as `app.tenant` and its blanks. */
function endOfName(statement: readonly Token[], name: number): number {
  const end = skipBlank(statement, name + 1)
  return statement[end]?.text === '.' ? endOfName(statement, skipBlank(statement, end + 1)) : end
}

function skipBlank(statement: readonly Token[], from: number): number {
  let at = from
  while (statement[at]?.kind === 'blank') at++
  return at
}

function wordAt(statement: readonly Token[], at: number): string {
  const token = statement[at]
  return token?.kind === 'word' ? token.text.toLowerCase() : ''
}
