import type { Token } from '../../sql/lexer.ts'
import type { SessionItem, SessionItemKind } from './item.ts'

/** One effect of a statement on the session, or on a transaction that may undo it. */
export type SessionChange =
  /** `value` is the text of the value; undefined if it is a parameter. */
  | {
      readonly does: 'leave'
      readonly item: SessionItem
      readonly value: string | undefined
      /** Set by a function: once for each row, or in a place where the rows do not show whether it was called. */
      readonly call?: 'per row' | 'hidden'
    }
  /** Without a name: all items of the kind. */
  | { readonly does: 'clear'; readonly kind: SessionItemKind; readonly name?: string }
  /**
   * `calls` is the number of advisory locks taken or released per row; undefined if the rows do not show it. `tries`:
   * only if the result is true.
   */
  | { readonly does: 'lock' | 'unlock'; readonly calls: number | undefined; readonly tries: boolean }
  /** Existing items may be gone: those of the kind, or all without one. */
  | { readonly does: 'doubt'; readonly kind?: SessionItemKind }
  | { readonly does: 'unlock-all' | 'commit' | 'rollback' }
  | { readonly does: 'savepoint' | 'release' | 'rollback-to'; readonly name: string }

export function leaves(kind: SessionItemKind, name: string): SessionChange[] {
  return name === '' ? [] : [{ does: 'leave', item: { kind, name }, value: '' }]
}

export function clear(kind: SessionItemKind, name?: string): SessionChange {
  return name === undefined ? { does: 'clear', kind } : { does: 'clear', kind, name }
}

/** The identifier as PostgreSQL stores it: in lower case unless quoted. */
export function nameAt(tokens: readonly Token[], at: number): string {
  const token = tokens[at]
  if (token?.kind === 'identifier') return token.text.slice(1, -1).replaceAll('""', '"')
  return token?.kind === 'word' ? token.text.toLowerCase() : ''
}

/** The last part of a possibly qualified name. */
export function lastName(tokens: readonly Token[], at: number): string {
  let last = at
  while (tokens[last + 1]?.text === '.') last += 2
  return nameAt(tokens, last)
}

/** The name of a setting in lower case: it is case-insensitive even if quoted. */
export function settingName(tokens: readonly Token[]): string {
  return tokens
    .map((_token, index) => nameAt(tokens, index) || '.')
    .join('')
    .toLowerCase()
}
