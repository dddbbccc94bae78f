import type { Token } from '../../sql/lexer.ts'
import type { SessionItem } from './item.ts'
import { clear, type SessionChange, settingName } from './session-change.ts'

/** The changes that SET makes. */
export function settingChanges(tokens: readonly Token[], words: readonly string[]): SessionChange[] {
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

/** Settings that end with the transaction in any case; and `seed`, which cannot be read or reset. */
const fleeting = ['transaction_isolation', 'transaction_read_only', 'transaction_deferrable', 'seed']

/** The change made by setting this value. */
export function sets(name: string, value: readonly Token[]): SessionChange[] {
  if (value.length === 0 || fleeting.includes(name)) return []
  const text = value.map((token) => token.text).join(' ')
  const bare = text.toLowerCase()
  const isBack =
    bare === 'default' ||
    (name === 'role' && /^(['"]?)none\1$/.test(bare)) ||
    (name === 'timezone' && bare === 'local') ||
    // A custom setting that was never set reads as an empty string.
    (name.includes('.') && text === "''")
  return [isBack ? clear('setting', name) : { does: 'leave', item: { kind: 'setting', name }, value: text }]
}

/** RESET ALL leaves role and session authorization as they are. */
export const sparedByResetAll = ['role', 'session_authorization']

/** The changes that RESET makes. */
export function resettingChanges(tokens: readonly Token[], words: readonly string[]): SessionChange[] {
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

/** True if RESET ALL and DISCARD do not reset this item. */
export function isSparedByResetAll({ kind, name }: SessionItem): boolean {
  return kind === 'setting' && sparedByResetAll.includes(name)
}
