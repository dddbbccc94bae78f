/** The kinds of state that outlast a transaction and reach the next owner. */
export type SessionItemKind =
  | 'setting'
  | 'channel'
  | 'temporary'
  | 'prepared-statement'
  | 'cursor'
  | 'advisory-lock'

/** One item that was left in a session, without its value, which may be a secret. */
export interface SessionItem {
  readonly kind: SessionItemKind
  /** PostgreSQL's name for it; settings in lower case. Empty for advisory locks, which are only counted. */
  readonly name: string
}

/** All advisory locks of a session. */
export const advisoryLocks: SessionItem = { kind: 'advisory-lock', name: '' }

/** A key that is the same for equal items. */
export function itemKey({ kind, name }: SessionItem): string {
  return `${kind} ${name}`
}

/** The item in SQL terms: `search_path`, `LISTEN orders`. */
export function describeItem({ kind, name }: SessionItem): string {
  switch (kind) {
    case 'setting':
      return name
    case 'channel':
      return `LISTEN ${name}`
    case 'temporary':
      return `temporary ${name}`
    case 'prepared-statement':
      return `PREPARE ${name}`
    case 'cursor':
      return `cursor ${name}`
    case 'advisory-lock':
      return 'an advisory lock'
  }
}

/** Statements that undo all of these, in an order that works. */
export function resetStatements(items: readonly SessionItem[]): string[] {
  // Another role may not be permitted to reset the rest.
  const first = ['session_authorization', 'role']
  const rank = ({ name }: SessionItem) => (first.includes(name) ? first.indexOf(name) : first.length)
  const ordered = items.toSorted((a, b) => rank(a) - rank(b))
  return [...new Set(ordered.map(resetStatement))]
}

function resetStatement({ kind, name }: SessionItem): string {
  switch (kind) {
    case 'setting':
      if (name === 'session_authorization') return 'RESET SESSION AUTHORIZATION'
      return `RESET ${name.split('.').map(quoted).join('.')}`
    case 'channel':
      return `UNLISTEN ${quoted(name)}`
    case 'temporary':
      return 'DISCARD TEMP'
    case 'prepared-statement':
      return `DEALLOCATE ${quoted(name)}`
    case 'cursor':
      return `CLOSE ${quoted(name)}`
    case 'advisory-lock':
      return 'SELECT pg_catalog.pg_advisory_unlock_all()'
  }
}

function quoted(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`
}
