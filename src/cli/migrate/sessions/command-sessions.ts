import type { ServerSession, ServerSnapshot } from '../../../postgres/index.ts'
import type { SessionDoubt } from '../events.ts'
import type { Migration } from '../migration.ts'
import { type Connections, ownConnections, socketName } from './process-tree.ts'

export interface FoundSessions {
  /** Certainly the command's: only for these, and upon these, anything is done. */
  readonly own: readonly ServerSession[]
  /** They have this run's name, but may serve somebody else by now: a pooler lends a session on, name and all. */
  readonly suspects: readonly ServerSession[]
  /** Why the suspects are not certain. */
  readonly doubt?: SessionDoubt
}

/** Finds the command's sessions among all others. */
export interface CommandSessions {
  find(snapshot: ServerSnapshot): Promise<FoundSessions>
  /** How many have been found so far, suspects included. */
  readonly count: number
}

export interface CommandSessionsHost extends Pick<Migration, 'application' | 'hasPooler' | 'poolerClients'> {
  /** By the server's clock. A name alone does not make an older session the command's. */
  readonly startedAt: string
  /** Connections of the command's processes; undefined where the system does not say. */
  connections(): Promise<Connections | undefined>
  isRunning(): boolean
  /** The other end of the session's connection would be on this machine, and is not there any more. */
  isClientGone(session: ServerSession): Promise<boolean>
}

/**
 * A session is the command's if a process of the command has the other end of its connection; if it has this run's name,
 * began after the command did, and no pooler is in between; or if the pooler says so.
 */
export function commandSessions(host: CommandSessionsHost): CommandSessions {
  const { application, startedAt, connections, poolerClients } = host
  const route = directRoute(host)
  /** Decided while the process that opened the session is alive, and kept as long as the session lives. */
  let decisions: ReadonlyMap<string, boolean> = new Map()
  const found = new Set<string>()
  const isNamed = (session: ServerSession) => session.application === application

  async function decide(candidates: readonly ServerSession[]): Promise<ReadonlyMap<string, boolean>> {
    if (candidates.length === 0) return new Map()
    const ends = await connections()
    const direct = await route.isDirect(ends)
    const fresh = new Map<string, boolean>()
    for (const session of candidates) {
      const isEnd = ends?.has(endOf(session) ?? '') === true
      // A command that was killed at once: nobody is served by a session whose client is gone.
      const isLeft = () => !host.hasPooler && !host.isRunning() && host.isClientGone(session)
      fresh.set(identityOf(session), isEnd || (isNamed(session) && (direct || (await isLeft()))))
    }
    return fresh
  }

  return {
    get count() {
      return found.size
    },
    async find({ sessions }) {
      const young = sessions.filter(
        ({ backendStart, backendType }) =>
          backendStart !== undefined && backendStart >= startedAt && backendType === 'client backend',
      )
      // A command may name its session later than it opens it.
      const undecided = young.filter((one) => {
        const decision = decisions.get(identityOf(one))
        return decision === undefined || (!decision && isNamed(one))
      })
      const fresh = await decide(undecided)
      decisions = new Map(
        young.map((one) => {
          const key = identityOf(one)
          return [key, decisions.get(key) === true || fresh.get(key) === true]
        }),
      )
      const isCertain = (one: ServerSession) => decisions.get(identityOf(one)) === true
      const doubtful = sessions.filter((one) => isNamed(one) && !isCertain(one))
      // A pooler's link is of this moment, so each look asks for it again.
      const clients = doubtful.length > 0 ? await poolerClients?.() : undefined
      const isLinked = ({ pid }: ServerSession) => clients?.get(pid) === application
      const own = sessions.filter((one) => isCertain(one) || (isNamed(one) && isLinked(one)))
      const suspects = clients === undefined ? doubtful : []
      for (const one of [...own, ...suspects]) found.add(identityOf(one))
      return { own, suspects, ...(suspects.length > 0 ? { doubt: route.doubt() } : {}) }
    },
  }
}

/** Whether the command reaches the server without a pooler in between, as far as its connections show. */
function directRoute({ hasPooler, isRunning }: CommandSessionsHost) {
  /** Seen once: the connections are gone when the command has ended. */
  let isKnown = false
  let isElsewhere = false
  return {
    async isDirect(connections: Connections | undefined): Promise<boolean> {
      if (hasPooler) return false
      // The system does not say, and the user has not named a pooler.
      if (connections === undefined) return true
      if (!isRunning()) return isKnown
      // Over a Unix socket there is nothing to compare.
      if (connections.size === 0) return true
      const ours = new Set((await ownConnections())?.values())
      const isSame = [...connections.values()].some((remote) => ours.has(remote))
      isKnown ||= isSame
      isElsewhere ||= !isSame
      return isSame
    },
    doubt(): SessionDoubt {
      if (hasPooler) return 'pooler'
      return isElsewhere && !isKnown ? 'elsewhere' : 'ended-early'
    },
  }
}

/** Identifies one session, and none before or after it. */
export function identityOf({ pid, backendStart }: Pick<ServerSession, 'pid' | 'backendStart'>): string {
  return `${pid} ${backendStart}`
}

/** The client's end of its connection. */
export function endOf({
  clientAddress,
  clientPort,
}: Pick<ServerSession, 'clientAddress' | 'clientPort'>): string | undefined {
  return clientAddress === undefined || clientPort === undefined
    ? undefined
    : socketName(clientAddress, clientPort)
}
