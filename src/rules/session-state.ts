import type { LeftState, Rule } from '../core/findings/rule.ts'
import { describeItem, type SessionItem } from '../core/session-state/item.ts'

/** The limit of items in one sentence. */
const mostNamed = 5

/** A client was released with session state that the next owner gets. */
export const sessionState: Rule<LeftState> = {
  kind: 'session-state',
  certainty: 'certain',
  judge({ items }) {
    const [first] = items
    if (first === undefined) return undefined
    const named = items.slice(0, mostNamed).map(describeItem)
    const more = items.length - named.length
    const list = more === 0 ? named.join(', ') : `${named.join(', ')} and ${more} more`
    return `released with ${list} left for the next owner: ${cure(first)}`
  },
}

function cure({ kind, name }: SessionItem): string {
  switch (kind) {
    case 'setting':
      return `use SET LOCAL inside a transaction, or RESET ${name === 'session_authorization' ? 'it' : name} before release`
    case 'channel':
      return 'UNLISTEN before release, or keep the client that listens'
    case 'temporary':
      return 'create it with ON COMMIT DROP, or drop it before release'
    case 'prepared-statement':
      return 'DEALLOCATE it before release, or use a named query of the driver'
    case 'cursor':
      return 'close it before release'
    case 'advisory-lock':
      return 'unlock it before release, or use pg_advisory_xact_lock'
  }
}
