import { presentQueryText, type QueryTextMode } from '../../sql/redaction.ts'
import { oneLine } from '../../text/safe-text.ts'
import type { ServerSession, ServerSnapshot } from '../index.ts'
import { quoteText } from '../quote.ts'
import { spareReason } from '../spared.ts'
import type { OriginOf, SessionOrigin } from './session-origin.ts'

/** A session in the form that commands show. Unknown fields are absent. */
export interface SessionReport {
  readonly pid: number
  readonly backendType?: string
  readonly application?: string
  readonly user?: string
  readonly database?: string
  readonly client?: string
  readonly state?: string
  readonly stateMillis?: number
  readonly transactionMillis?: number
  readonly waitsFor?: { readonly mode?: string; readonly target: string; readonly millis?: number }
  readonly query?: string
  readonly origin?: SessionOrigin
  /** The reason why no policy ends it. */
  readonly spared?: string
  /** Set for an autovacuum that does not give way to other sessions. */
  readonly preventsWraparound?: true
  /** Set if the role may not see its state. */
  readonly hidden?: true
}

export interface PreparedReport {
  readonly gid: string
  readonly owner?: string
  readonly database?: string
  readonly millis?: number
  /** The statement that ends it, to be run in its database. */
  readonly rollback?: string
  readonly commit?: string
}

export interface SessionReportOptions {
  readonly queryText: QueryTextMode
  readonly originOf: OriginOf
}

/** The report of a session, without secrets and control characters. */
export function sessionReport(
  session: ServerSession,
  snapshot: ServerSnapshot,
  { queryText, originOf }: SessionReportOptions,
): SessionReport {
  const { pid, hidden, backendType, application, user, database, state, stateMillis, transactionMillis } =
    session
  const wait = snapshot.waits.find((one) => one.pid === pid)
  const query = presentQueryText(session.query, queryText)
  const origin = originOf(session)
  const spared = spareReason(session, snapshot.sessions)
  return {
    pid,
    ...(backendType === undefined || backendType === 'client backend' ? {} : { backendType }),
    ...text('application', application),
    ...text('user', user),
    ...text('database', database),
    ...text('client', clientOf(session)),
    ...text('state', state),
    ...(stateMillis === undefined ? {} : { stateMillis: Math.max(0, stateMillis) }),
    ...(transactionMillis === undefined ? {} : { transactionMillis: Math.max(0, transactionMillis) }),
    ...(wait === undefined
      ? {}
      : {
          waitsFor: {
            ...(wait.mode === undefined ? {} : { mode: wait.mode }),
            target: oneLine(wait.target),
            ...(wait.millis === undefined ? {} : { millis: wait.millis }),
          },
        }),
    ...text('query', query),
    ...(origin === undefined ? {} : { origin: { ...origin, text: oneLine(origin.text) } }),
    ...(spared === undefined ? {} : { spared }),
    ...(preventsWraparound(session) ? { preventsWraparound: true } : {}),
    ...(hidden ? { hidden } : {}),
  }
}

export function preparedReport({
  gid,
  owner,
  database,
  millis,
}: Pick<PreparedReport, 'gid' | 'owner' | 'database' | 'millis'>): PreparedReport {
  return {
    gid: oneLine(gid),
    ...text('owner', owner),
    ...text('database', database),
    ...(millis === undefined ? {} : { millis }),
    rollback: `ROLLBACK PREPARED ${quoteText(gid)};`,
    commit: `COMMIT PREPARED ${quoteText(gid)};`,
  }
}

/** The server shows it in the statement: `autovacuum: VACUUM public.t (to prevent wraparound)`. */
function preventsWraparound({ backendType, query = '' }: ServerSession): boolean {
  return backendType === 'autovacuum worker' && query.includes('(to prevent wraparound)')
}

function clientOf({ clientAddress, clientPort }: ServerSession): string | undefined {
  if (clientAddress === undefined || clientPort === undefined) return clientAddress
  return clientAddress.includes(':') ? `[${clientAddress}]:${clientPort}` : `${clientAddress}:${clientPort}`
}

function text<Name extends string>(name: Name, value: string | undefined): { [Key in Name]?: string } {
  return (value === undefined ? {} : { [name]: oneLine(value) }) as { [Key in Name]?: string }
}
