import type { ServerSession, ServerSnapshot } from '../../../postgres/index.ts'
import type { SessionDoubt } from '../events.ts'
import type { Migration } from '../migration.ts'
import { type Connections, ownConnections, socketName } from './process-tree.ts'

export interface FoundSessions {
  /** The sessions that are certainly the command's: only these are acted on. */
  readonly own: readonly ServerSession[]
  /** Sessions with this run's name that may serve another client by now: a pooler passes sessions on with their name. */
  readonly suspects: readonly ServerSession[]
  /** The reason why the suspects are not certain. */
  readonly doubt?: SessionDoubt
}

/** Finds the command's sessions among all others. */
export interface CommandSessions {
  find(snapshot: ServerSnapshot): Promise<FoundSessions>
  /** The number of sessions found so far, including suspects. */
  readonly count: number
}

export interface CommandSessionsHost extends Pick<Migration, 'application' | 'hasPooler' | 'poolerClients'> {
  /** The start of the command on the server's clock. An older session with its name is not the command's. */
  readonly startedAt: string
  /** The connections of the command's processes; undefined if the system does not provide them. */
  connections(): Promise<Connections | undefined>
  isRunning(): boolean
  /** Whether the client end of a session's connection was on this machine and is closed. */
  isClientGone(session: ServerSession): Promise<boolean>
}

/**
 * Finds the command's sessions. A session is the command's if a process of the command has the other end of its
 * connection; if it has this run's name, began after the command, and there is no pooler; or if the pooler reports it.
 */
export function commandSessions(host: CommandSessionsHost): CommandSessions {
  const { application, startedAt, connections, poolerClients } = host
  const route = directRoute(host)
  /** Decisions made while the process that opened the session is running, kept as long as the session exists. */
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
      // The command was killed at once: a session without a client serves no other one.
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
      // A command may name its session after opening it.
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
      // A pooler's link is only valid for the moment, so each look reads it again.
      const clients = doubtful.length > 0 ? await poolerClients?.() : undefined
      const isLinked = ({ pid }: ServerSession) => clients?.get(pid) === application
      const own = sessions.filter((one) => isCertain(one) || (isNamed(one) && isLinked(one)))
      const suspects = clients === undefined ? doubtful : []
      for (const one of [...own, ...suspects]) found.add(identityOf(one))
      return { own, suspects, ...(suspects.length > 0 ? { doubt: route.doubt() } : {}) }
    },
  }
}

/** Whether the command is connected directly to the server, as far as its connections show. */
function directRoute({ hasPooler, isRunning }: CommandSessionsHost) {
  /** Remembered, because the connections are closed when the command has ended. */
  let isKnown = false
  let isElsewhere = false
  return {
    async isDirect(connections: Connections | undefined): Promise<boolean> {
      if (hasPooler) return false
      // The system does not provide it, and the user has not named a pooler.
      if (connections === undefined) return true
      if (!isRunning()) return isKnown
      // Unix sockets cannot be compared.
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

/** A key that identifies one session, even if its pid is used again. */
export function identityOf({ pid, backendStart }: Pick<ServerSession, 'pid' | 'backendStart'>): string {
  return `${pid} ${backendStart}`
}

/** The client's end of a session's connection. */
export function endOf({
  clientAddress,
  clientPort,
}: Pick<ServerSession, 'clientAddress' | 'clientPort'>): string | undefined {
  return clientAddress === undefined || clientPort === undefined
    ? undefined
    : socketName(clientAddress, clientPort)
}
