import { argumentsAt, isColumn } from '../../sql/call.ts'
import type { Token } from '../../sql/lexer.ts'
import { clear, type SessionChange } from './session-change.ts'
import { sets } from './setting-statements.ts'

/** The changes made by the functions that a statement calls for their effect on the session. */
export function callChanges(tokens: readonly Token[], words: readonly string[]): SessionChange[] {
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

/** The change of set_config(name, value, is_local), as far as its arguments are literals. */
function configuring([name = [], value = [], local = []]: readonly Token[][]): SessionChange[] {
  const [token] = name
  if (name.length !== 1 || token?.kind !== 'string' || !isFalse(local)) return []
  const setting = token.text.slice(1, -1).toLowerCase()
  // Equal to RESET.
  if (value.length === 1 && value[0]?.text.toLowerCase() === 'null') return [clear('setting', setting)]
  if (value.length === 1 && value[0]?.kind === 'string') return sets(setting, value)
  return [{ does: 'leave', item: { kind: 'setting', name: setting }, value: undefined }]
}

function isFalse([token, ...more]: readonly Token[]): boolean {
  return token?.text.toLowerCase() === 'false' && more.length === 0
}
