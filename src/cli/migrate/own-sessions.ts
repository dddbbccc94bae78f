import type { ServerSession, ServerSnapshot } from '../../postgres/index.ts'
import { type Sockets, socketName } from './process-tree.ts'

export interface OwnSessions {
  /** Of a snapshot, those that are the command's. */
  find(snapshot: ServerSnapshot): Promise<readonly ServerSession[]>
  /** How many have been found up to now. */
  readonly count: number
}

export interface OwnSessionsOptions {
  /** That only this run has. */
  readonly application: string
  /** By the server's clock. What is older is not the command's, whatever its name: a pooler lends sessions on. */
  readonly startedAt: string
  readonly sockets: () => Promise<Sockets | undefined>
}

/**
 * A session is the command's if it began after the command did, and has the application name of this run or is the other
 * end of a connection that a process of the command has. A name alone proves nothing about an older one.
 */
export function ownSessions({ application, startedAt, sockets }: OwnSessionsOptions): OwnSessions {
  /** Judged once, while the process that opened it is there. Kept as long as the session is. */
  let verdicts: ReadonlyMap<string, boolean> = new Map()
  let count = 0
  return {
    get count() {
      return count
    },
    async find({ sessions }) {
      const candidates = sessions.filter(
        ({ backendStart, backendType }) =>
          backendStart !== undefined && backendStart >= startedAt && backendType === 'client backend',
      )
      const isNew = candidates.some((session) => !verdicts.has(identityOf(session)))
      const ends = isNew ? ((await sockets()) ?? new Set<string>()) : new Set<string>()
      const judged = candidates.map((session) => {
        const known = verdicts.get(identityOf(session)) ?? isOwn(session, application, ends)
        // A command may name its session later than it opens it.
        return [session, known || session.application === application] as const
      })
      const own = judged.filter(([, verdict]) => verdict).map(([session]) => session)
      count += own.filter((session) => verdicts.get(identityOf(session)) !== true).length
      verdicts = new Map(judged.map(([session, verdict]) => [identityOf(session), verdict]))
      return own
    },
  }
}

/** Of one session, and of no other before or after it. */
export function identityOf({ pid, backendStart }: Pick<ServerSession, 'pid' | 'backendStart'>): string {
  return `${pid} ${backendStart}`
}

function isOwn(
  { application, clientAddress, clientPort }: ServerSession,
  name: string,
  ends: Sockets,
): boolean {
  if (application === name) return true
  if (clientAddress === undefined || clientPort === undefined) return false
  return ends.has(socketName(clientAddress, clientPort))
}
