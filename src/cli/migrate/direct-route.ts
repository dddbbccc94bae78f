import { type Connections, ownConnections } from './process-tree.ts'

/**
 * Whether the command reaches the server without a pooler in between. If it does, a session with its name is its own; if
 * not, a pooler may have lent the session to somebody else, name and all.
 */
export function directRoute({ isPooled }: { readonly isPooled: boolean }) {
  /** Seen once: after the command has ended, its connections are gone. */
  let isKnown = false
  return async (connections: Connections | undefined, isRunning: boolean): Promise<boolean> => {
    if (isPooled) return false
    // The system does not tell, and nobody has spoken of a pooler.
    if (connections === undefined) return true
    if (!isRunning) return isKnown
    // Over a Unix socket there is nothing to compare.
    if (connections.size === 0) return true
    const ours = new Set((await ownConnections())?.values())
    const isSame = [...connections.values()].some((remote) => ours.has(remote))
    isKnown ||= isSame
    return isSame
  }
}
