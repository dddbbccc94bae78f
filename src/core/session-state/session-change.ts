import type { Token } from '../../sql/lexer.ts'
import type { SessionItem, SessionItemKind } from './item.ts'

/** One effect of a statement on the session, or on the transaction that may take it back. */
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
  /** The items that are there may have gone: all of a kind, or without one everything. */
  | { readonly does: 'doubt'; readonly kind?: SessionItemKind }
  | { readonly does: 'unlock-all' | 'commit' | 'rollback' }
  | { readonly does: 'savepoint' | 'release' | 'rollback-to'; readonly name: string }

export function leaves(kind: SessionItemKind, name: string): SessionChange[] {
  return name === '' ? [] : [{ does: 'leave', item: { kind, name }, value: '' }]
}

export function clear(kind: SessionItemKind, name?: string): SessionChange {
  return name === undefined ? { does: 'clear', kind } : { does: 'clear', kind, name }
}

/** An identifier as PostgreSQL stores it: in lower case unless it was quoted. */
export function nameAt(tokens: readonly Token[], at: number): string {
  const token = tokens[at]
  if (token?.kind === 'identifier') return token.text.slice(1, -1).replaceAll('""', '"')
  return token?.kind === 'word' ? token.text.toLowerCase() : ''
}

/** The last part of a name that may be qualified. */
export function lastName(tokens: readonly Token[], at: number): string {
  let last = at
  while (tokens[last + 1]?.text === '.') last += 2
  return nameAt(tokens, last)
}

/** Settings are found whatever the case, even where quoted. */
export function settingName(tokens: readonly Token[]): string {
  return tokens
    .map((_token, index) => nameAt(tokens, index) || '.')
    .join('')
    .toLowerCase()
}
