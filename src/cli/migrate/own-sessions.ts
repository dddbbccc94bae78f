import type { ServerSession, ServerSnapshot } from '../../postgres/index.ts'
import { type Connections, socketName } from './process-tree.ts'

export interface FoundSessions {
  /** The command's for certain. */
  readonly own: readonly ServerSession[]
  /** With the name of this run, and perhaps of somebody else by now: a pooler lends a session on, name and all. */
  readonly suspects: readonly ServerSession[]
}

export interface OwnSessions {
  /** Of a snapshot, those that are the command's. */
  find(snapshot: ServerSnapshot): Promise<FoundSessions>
  /** How many have been found up to now, suspects included. */
  readonly count: number
}

export interface OwnSessionsOptions {
  /** That only this run has. */
  readonly application: string
  /** By the server's clock. What is older is not the command's for its name alone. */
  readonly startedAt: string
  /** Of the command's processes; undefined where the system does not tell. */
  readonly connections: () => Promise<Connections | undefined>
  /** Whether the command, which has these connections, reaches the server without a pooler in between. */
  readonly isDirect: (connections: Connections | undefined) => Promise<boolean>
  /** The application names of a pooler's clients, by the pid of the session that each has now. */
  readonly poolerClients?: () => Promise<ReadonlyMap<number, string>>
}

/**
 * A session is the command's if it is the other end of a connection that a process of the command has; if it has the name
 * of this run, began after the command did, and there is no pooler in between; or if the pooler says so.
 */
export function ownSessions(options: OwnSessionsOptions): OwnSessions {
  const { application, startedAt, connections, isDirect, poolerClients } = options
  /** Judged once, while the process that opened it is there. Kept as long as the session is. */
  let verdicts: ReadonlyMap<string, boolean> = new Map()
  const counted = new Set<string>()

  async function judge(candidates: readonly ServerSession[]): Promise<ReadonlyMap<string, boolean>> {
    if (candidates.length === 0) return new Map()
    const ends = await connections()
    const direct = await isDirect(ends)
    return new Map(
      candidates.map((session) => {
        const isEnd = ends?.has(endOf(session) ?? '') === true
        return [identityOf(session), isEnd || (direct && session.application === application)]
      }),
    )
  }

  return {
    get count() {
      return counted.size
    },
    async find({ sessions }) {
      const named = ({ application: name }: ServerSession) => name === application
      const young = sessions.filter(
        ({ backendStart, backendType }) =>
          backendStart !== undefined && backendStart >= startedAt && backendType === 'client backend',
      )
      // Again where a name is there by now: a command may name its session later than it opens it.
      const open = young.filter((one) => {
        const verdict = verdicts.get(identityOf(one))
        return verdict === undefined || (!verdict && named(one))
      })
      const judged = await judge(open)
      verdicts = new Map(
        young.map((one) => {
          const key = identityOf(one)
          return [key, verdicts.get(key) === true || judged.get(key) === true]
        }),
      )
      const isCertain = (one: ServerSession) => verdicts.get(identityOf(one)) === true
      const doubtful = sessions.filter((one) => named(one) && !isCertain(one))
      // The link is of this moment, so it is asked for each time.
      const clients = doubtful.length > 0 ? await poolerClients?.() : undefined
      const isLinked = ({ pid }: ServerSession) => clients?.get(pid) === application
      const own = sessions.filter((one) => isCertain(one) || (named(one) && isLinked(one)))
      const suspects = clients === undefined ? doubtful : []
      for (const one of [...own, ...suspects]) counted.add(identityOf(one))
      return { own, suspects }
    },
  }
}

/** Of one session, and of no other before or after it. */
export function identityOf({ pid, backendStart }: Pick<ServerSession, 'pid' | 'backendStart'>): string {
  return `${pid} ${backendStart}`
}

function endOf({ clientAddress, clientPort }: ServerSession): string | undefined {
  return clientAddress === undefined || clientPort === undefined
    ? undefined
    : socketName(clientAddress, clientPort)
}
