import { argumentsAt, isColumn } from '../../sql/call.ts'
import { sqlTokens, type Token } from '../../sql/lexer.ts'
import { startsWith } from '../../sql/statement.ts'
import type { SessionItem, SessionItemKind } from './item.ts'

/** What one statement does to the session, or to the transaction that may take it back. */
export type SessionChange =
  /** `value` is the text that stands for it, undefined where that says nothing (a parameter). */
  | {
      readonly does: 'leave'
      readonly item: SessionItem
      readonly value: string | undefined
      /** By a function: once for each row, or where the rows do not show whether it was called. */
      readonly call?: 'per row' | 'hidden'
    }
  /** Without a name: all of its kind. */
  | { readonly does: 'clear'; readonly kind: SessionItemKind; readonly name?: string }
  /**
   * How many advisory locks it takes or gives back for each of its rows; undefined where the rows do not show that. `tries`:
   * only where a row says true.
   */
  | { readonly does: 'lock' | 'unlock'; readonly calls: number | undefined; readonly tries: boolean }
  /** What is there may have gone: all of a kind, or without one everything. */
  | { readonly does: 'doubt'; readonly kind?: SessionItemKind }
  | { readonly does: 'unlock-all' | 'commit' | 'rollback' }
  | { readonly does: 'savepoint' | 'release' | 'rollback-to'; readonly name: string }

// Alternatives of plain letters: V8 skips through the text for these, which costs less than looking for one after the other.
const leavingCall = /set_config|advisory_lock/i
const leaving = String.raw`(?:(?:set|listen|prepare|declare|create\s+(?:or\s+replace\s+)?(?:(?:global|local)\s+)?temp(?:orary)?)\b|(?:select|with)\b[^;]*(?:set_config|advisory_lock))`
const leavingFirst = new RegExp(leaving, 'iy')
const leavingLater = new RegExp(`;\\s*${leaving}`, 'i')
/** Further on nobody calls a function for what it does to the session. */
const longestCall = 4096

/**
 * Whether the text may leave something in its session that outlasts the transaction. Sits in the path of every query: it
 * errs on the side of yes, and {@link sessionChanges} has the last word.
 */
export function mayLeaveState(text: string): boolean {
  switch (text.charCodeAt(0) | 32) {
    case 115: // s: SET, SELECT
    case 119: // w: WITH
      if ((text.charCodeAt(2) | 32) === 116 && (text.charCodeAt(1) | 32) === 101) return true
      if (leavingCall.test(text.length > longestCall ? text.slice(0, longestCall) : text)) return true
      break
    case 99: // c: CREATE TEMP
    case 100: // d: DECLARE
    case 108: // l: LISTEN
    case 112: // p: PREPARE
    case 32: // blanks and comments, as in opensTransaction
    case 41:
    case 42:
    case 45:
    case 47:
      if (startsWith(text, leavingFirst)) return true
      break
  }
  const semicolon = text.indexOf(';')
  return semicolon !== -1 && semicolon < text.length - 1 && leavingLater.test(text)
}

const changing = String.raw`(?:set|reset|listen|unlisten|create|alter|drop|do|call|prepare|deallocate|declare|close|discard|commit|end|abort|rollback|savepoint|release)\b`
const changingCall = /set_config|advisory_(?:un)?lock/i
const changingFirst = new RegExp(changing, 'iy')
const changingLater = new RegExp(`;\\s*(?:--|/\\*|${changing})`, 'i')

/** Enough for the statements that one program sends again and again. What is longer holds its data. */
const mostRemembered = 200
const longestRemembered = 1000
const remembered = new Map<string, readonly SessionChange[]>()

/** What the statements of a text do to the session, in their order. */
export function sessionChanges(text: string): readonly SessionChange[] {
  // A bulk insert of megabytes is not taken apart.
  if (!startsWith(text, changingFirst) && !changingCall.test(text) && !changingLater.test(text)) return []
  const known = remembered.get(text)
  if (known !== undefined) return known
  const changes = statementsOf(text).flatMap(changesOf)
  if (text.length > longestRemembered) return changes
  if (remembered.size >= mostRemembered) remembered.clear()
  remembered.set(text, changes)
  return changes
}

/** The tokens of each statement, without blanks. */
function statementsOf(text: string): Token[][] {
  const statements: Token[][] = [[]]
  for (const token of sqlTokens(text)) {
    if (token.kind === 'blank') continue
    if (token.kind === 'symbol' && token.text === ';') statements.push([])
    else statements.at(-1)?.push(token)
  }
  return statements
}

function changesOf(tokens: readonly Token[]): SessionChange[] {
  const words = tokens.map(({ kind, text }) => (kind === 'word' ? text.toLowerCase() : ''))
  const [first, second] = words
  switch (first) {
    case 'set':
      return setting(tokens, words)
    case 'reset':
      return resetting(tokens, words)
    case 'listen':
      return leaves('channel', nameAt(tokens, 1))
    case 'unlisten':
      return [tokens[1]?.text === '*' ? clear('channel') : clear('channel', nameAt(tokens, 1))]
    case 'create':
      return creating(tokens, words)
    case 'alter':
      return words.includes('rename') ? [{ does: 'doubt', kind: 'temporary' }] : []
    case 'drop':
      return dropping(tokens, words)
    case 'do':
    case 'call':
      // They can run any statement.
      return [{ does: 'doubt' }]
    case 'prepare':
      return second === 'transaction' ? [{ does: 'commit' }] : leaves('prepared-statement', nameAt(tokens, 1))
    case 'deallocate': {
      const at = second === 'prepare' ? 2 : 1
      return [
        words[at] === 'all' ? clear('prepared-statement') : clear('prepared-statement', nameAt(tokens, at)),
      ]
    }
    case 'declare':
      // WITH HOLD, and not WITHOUT HOLD.
      return words[words.indexOf('hold') - 1] === 'with' ? leaves('cursor', nameAt(tokens, 1)) : []
    case 'close':
      return [second === 'all' ? clear('cursor') : clear('cursor', nameAt(tokens, 1))]
    case 'discard':
      return discarding(second)
    case 'begin':
    case 'start':
      return []
    case 'commit':
    case 'end':
      return second === 'prepared' ? [] : [{ does: 'commit' }]
    case 'abort':
    case 'rollback':
      return rollingBack(tokens, words)
    case 'savepoint':
      return [{ does: 'savepoint', name: nameAt(tokens, 1) }]
    case 'release':
      return [{ does: 'release', name: nameAt(tokens, second === 'savepoint' ? 2 : 1) }]
    default:
      return calling(tokens, words)
  }
}

function rollingBack(tokens: readonly Token[], words: readonly string[]): SessionChange[] {
  if (words[1] === 'prepared') return []
  const to = words.indexOf('to')
  if (to === -1) return [{ does: 'rollback' }]
  return [{ does: 'rollback-to', name: nameAt(tokens, words[to + 1] === 'savepoint' ? to + 2 : to + 1) }]
}

function setting(tokens: readonly Token[], words: readonly string[]): SessionChange[] {
  let at = 1
  if (words[at] === 'local') return []
  if (words[at] === 'session' && !['authorization', 'characteristics'].includes(words[2] ?? '')) at = 2
  switch (words[at]) {
    case 'transaction':
    case 'constraints':
      return []
    case 'session':
      if (words[at + 1] === 'characteristics') return characteristics(words)
      return sets('session_authorization', tokens.slice(at + 2))
    case 'role':
      return sets('role', tokens.slice(at + 1))
    case 'time':
      if (words[at + 1] === 'zone') return sets('timezone', tokens.slice(at + 2))
      break
    case 'schema':
      return sets('search_path', tokens.slice(at + 1))
    case 'names':
      if (tokens.length === at + 1) return [clear('setting', 'client_encoding')]
      return sets('client_encoding', tokens.slice(at + 1))
    case 'xml':
      return []
  }
  const assignment = tokens.findIndex(({ text }) => text === '=' || text.toLowerCase() === 'to')
  if (assignment === -1) return []
  return sets(settingName(tokens.slice(at, assignment)), tokens.slice(assignment + 1))
}

/** SET SESSION CHARACTERISTICS AS TRANSACTION: other names for three settings. */
function characteristics(words: readonly string[]): SessionChange[] {
  const settings = [
    ['isolation', 'default_transaction_isolation'],
    ['read', 'default_transaction_read_only'],
    ['deferrable', 'default_transaction_deferrable'],
  ] as const
  return settings.flatMap(([mode, name]) => {
    const at = words.indexOf(mode)
    if (at === -1) return []
    const value = words.slice(at - 1, at + 4).join(' ')
    return [{ does: 'leave', item: { kind: 'setting', name }, value } satisfies SessionChange]
  })
}

/** Of the transaction alone, however they are set; and the seed of random numbers, which cannot be read or reset. */
const fleeting = ['transaction_isolation', 'transaction_read_only', 'transaction_deferrable', 'seed']

function sets(name: string, value: readonly Token[]): SessionChange[] {
  if (value.length === 0 || fleeting.includes(name)) return []
  const text = value.map((token) => token.text).join(' ')
  const bare = text.toLowerCase()
  const isBack =
    bare === 'default' ||
    (name === 'role' && /^(['"]?)none\1$/.test(bare)) ||
    (name === 'timezone' && bare === 'local') ||
    // A setting of the application's own has the empty text where it was never set.
    (name.includes('.') && text === "''")
  return [isBack ? clear('setting', name) : { does: 'leave', item: { kind: 'setting', name }, value: text }]
}

/** RESET ALL leaves role and session authorization as they are. */
const spared = ['role', 'session_authorization']

function resetting(tokens: readonly Token[], words: readonly string[]): SessionChange[] {
  switch (words[1]) {
    case 'all':
      return [clear('setting')]
    case 'session':
      return [clear('setting', 'session_authorization'), clear('setting', 'role')]
    case 'time':
      return [clear('setting', 'timezone')]
    default:
      return [clear('setting', settingName(tokens.slice(1)))]
  }
}

/** Whether a RESET or DISCARD of a whole kind spares this item. */
export function isSparedByResetAll({ kind, name }: SessionItem): boolean {
  return kind === 'setting' && spared.includes(name)
}

const temporaryKinds = ['table', 'view', 'sequence']

function creating(tokens: readonly Token[], words: readonly string[]): SessionChange[] {
  const temporary = words.findIndex((word) => word === 'temp' || word === 'temporary')
  if (temporary === -1 || temporary > 4) return []
  const kind = words.findIndex((word, index) => index > temporary && temporaryKinds.includes(word))
  if (kind === -1 || kind > temporary + 2) return []
  if (words.some((word, index) => word === 'commit' && words[index + 1] === 'drop')) return []
  const at = words[kind + 1] === 'if' ? kind + 4 : kind + 1
  return leaves('temporary', lastName(tokens, at))
}

function dropping(tokens: readonly Token[], words: readonly string[]): SessionChange[] {
  const dropped: SessionChange[] = words.includes('cascade') ? [{ does: 'doubt', kind: 'temporary' }] : []
  if (!temporaryKinds.includes(words[1] ?? '')) return dropped
  for (let at = words[2] === 'if' ? 4 : 2; at < tokens.length; at++) {
    dropped.push(clear('temporary', lastName(tokens, at)))
    while (at < tokens.length && tokens[at]?.text !== ',') at++
  }
  return dropped
}

function discarding(what: string | undefined): SessionChange[] {
  if (what === 'temp' || what === 'temporary') return [clear('temporary')]
  if (what !== 'all') return []
  const kinds = ['setting', 'channel', 'temporary', 'prepared-statement', 'cursor'] as const
  return [
    ...kinds.map((kind) => clear(kind)),
    ...spared.map((name) => clear('setting', name)),
    { does: 'unlock-all' },
  ]
}

/** Functions that a statement calls for what they do to the session. */
function calling(tokens: readonly Token[], words: readonly string[]): SessionChange[] {
  const changes: SessionChange[] = []
  const calls = { lock: 0, 'try lock': 0, unlock: 0 }
  let depth = 0
  for (const [index, word] of words.entries()) {
    const text = tokens[index]?.text
    if (text === '(') depth++
    if (text === ')') depth--
    if (tokens[index + 1]?.text !== '(') continue
    const isShown = depth === 0 && isColumn(tokens, index)
    if (word === 'set_config') {
      const call = isShown ? ('per row' as const) : ('hidden' as const)
      const set = configuring(argumentsAt(tokens, index + 1))
      changes.push(...set.map((change) => (change.does === 'leave' ? { ...change, call } : change)))
    }
    const [, tries = '', act] = /^pg_(try_)?advisory_(lock|unlock|unlock_all)(?:_shared)?$/.exec(word) ?? []
    if (act === 'unlock_all') changes.push({ does: 'unlock-all' })
    else if (act === 'lock' || act === 'unlock') {
      if (isShown) calls[act === 'unlock' ? act : tries === '' ? 'lock' : 'try lock'] += 1
      else changes.push({ does: act, calls: undefined, tries: tries !== '' })
    }
  }
  if (calls.lock > 0) changes.push({ does: 'lock', calls: calls.lock, tries: false })
  if (calls['try lock'] > 0) changes.push({ does: 'lock', calls: calls['try lock'], tries: true })
  if (calls.unlock > 0) changes.push({ does: 'unlock', calls: calls.unlock, tries: true })
  return changes
}

/** set_config(name, value, is_local), where the text itself says what it does. */
function configuring([name = [], value = [], local = []]: readonly Token[][]): SessionChange[] {
  const [token] = name
  if (name.length !== 1 || token?.kind !== 'string' || !isFalse(local)) return []
  const setting = token.text.slice(1, -1).toLowerCase()
  // As RESET.
  if (value.length === 1 && value[0]?.text.toLowerCase() === 'null') return [clear('setting', setting)]
  if (value.length === 1 && value[0]?.kind === 'string') return sets(setting, value)
  return [{ does: 'leave', item: { kind: 'setting', name: setting }, value: undefined }]
}

function isFalse([token, ...more]: readonly Token[]): boolean {
  return token?.text.toLowerCase() === 'false' && more.length === 0
}

function leaves(kind: SessionItemKind, name: string): SessionChange[] {
  return name === '' ? [] : [{ does: 'leave', item: { kind, name }, value: '' }]
}

function clear(kind: SessionItemKind, name?: string): SessionChange {
  return name === undefined ? { does: 'clear', kind } : { does: 'clear', kind, name }
}

/** An identifier as PostgreSQL stores it: in lower case unless it was quoted. */
function nameAt(tokens: readonly Token[], at: number): string {
  const token = tokens[at]
  if (token?.kind === 'identifier') return token.text.slice(1, -1).replaceAll('""', '"')
  return token?.kind === 'word' ? token.text.toLowerCase() : ''
}

/** The last part of a name that may be qualified. */
function lastName(tokens: readonly Token[], at: number): string {
  let last = at
  while (tokens[last + 1]?.text === '.') last += 2
  return nameAt(tokens, last)
}

/** Settings are found whatever the case, even where quoted. */
function settingName(tokens: readonly Token[]): string {
  return tokens
    .map((_token, index) => nameAt(tokens, index) || '.')
    .join('')
    .toLowerCase()
}
