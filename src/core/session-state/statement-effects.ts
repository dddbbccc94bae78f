import { sqlTokens, type Token } from '../../sql/lexer.ts'
import { startsWith } from '../../sql/statement.ts'
import { callChanges } from './session-calls.ts'
import { clear, lastName, leaves, nameAt, type SessionChange } from './session-change.ts'
import { resettingChanges, settingChanges, sparedByResetAll } from './setting-statements.ts'

const changing = String.raw`(?:set|reset|listen|unlisten|create|alter|drop|do|call|prepare|deallocate|declare|close|discard|commit|end|abort|rollback|savepoint|release)\b`
const changingCall = /set_config|advisory_(?:un)?lock/i
const changingFirst = new RegExp(changing, 'iy')
const changingLater = new RegExp(`;\\s*(?:--|/\\*|${changing})`, 'i')

/** The size of the cache: enough for the statements that a program repeats. */
const mostRemembered = 200
const longestRemembered = 1000
const remembered = new Map<string, readonly SessionChange[]>()

/** The effects of the statements of a text on the session, in their order. */
export function sessionChanges(text: string): readonly SessionChange[] {
  // A bulk insert of megabytes is not parsed.
  if (!startsWith(text, changingFirst) && !changingCall.test(text) && !changingLater.test(text)) return []
  const known = remembered.get(text)
  if (known !== undefined) return known
  const changes = statementsOf(text).flatMap(changesOf)
  if (text.length > longestRemembered) return changes
  if (remembered.size >= mostRemembered) remembered.clear()
  remembered.set(text, changes)
  return changes
}

/** The tokens of each statement, without white space. */
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
      return settingChanges(tokens, words)
    case 'reset':
      return resettingChanges(tokens, words)
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
      // These can run any statement.
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
      return callChanges(tokens, words)
  }
}

function rollingBack(tokens: readonly Token[], words: readonly string[]): SessionChange[] {
  if (words[1] === 'prepared') return []
  const to = words.indexOf('to')
  if (to === -1) return [{ does: 'rollback' }]
  return [{ does: 'rollback-to', name: nameAt(tokens, words[to + 1] === 'savepoint' ? to + 2 : to + 1) }]
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
    ...sparedByResetAll.map((name) => clear('setting', name)),
    { does: 'unlock-all' },
  ]
}
