import type { Work } from '../core/client-control.ts'
import type { PassingQuery } from '../core/pool-record.ts'
import type { Answer } from '../core/session-state/changes.ts'
import { statementText } from '../sql/statement.ts'
import type { Client, SubmittedQuery } from './types.ts'

/** The statement on the wire. Reading `activeQuery` itself warns in newer versions of pg. */
export function activeQuery(client: Client): SubmittedQuery | undefined {
  const active = '_activeQuery' in client ? client._activeQuery : client.activeQuery
  return typeof active === 'object' && active !== null ? (active as SubmittedQuery) : undefined
}

/** The driver's data about the statement that the server has just answered. */
export function answerOf(query: SubmittedQuery | undefined): Answer {
  const { _result, _results } = query ?? {}
  const { command, rows, rowCount } = _result ?? {}
  const kept = Array.isArray(rows) && !Array.isArray(_results) && rows.length === rowCount
  return {
    text: statementText(query),
    command: typeof command === 'string' ? command : undefined,
    rows: kept ? rows : undefined,
  }
}

/** The command tags in the answer to a text of one or more statements. */
export function commandsOf(query: SubmittedQuery | undefined): string[] {
  const { _result, _results } = query ?? {}
  const results: readonly unknown[] = Array.isArray(_results) ? _results : [_result]
  return results
    .map((result) => (result as { command?: unknown } | undefined)?.command)
    .filter((command) => typeof command === 'string')
}

/** The statements that are queued in the client and not sent yet. */
export function queuedQueries(client: Client): SubmittedQuery[] {
  return client._queryQueue ?? ('_activeQuery' in client ? [] : (client.queryQueue ?? []))
}

/** The number of statements that are sent or queued and not yet answered by ReadyForQuery. */
export function pendingQueries(client: Client): number {
  const behind = queuedQueries(client).length + (client._sentQueryQueue?.length ?? 0)
  // The driver no longer has a failed statement, and sends the next one only after ReadyForQuery.
  const isAnswered = activeQuery(client) === undefined && (behind === 0 || client.readyForQuery !== false)
  return behind + (isAnswered ? 0 : 1)
}

/** The statement that was last passed to the client, unless it has been answered. */
export function newestQuery(client: Client): SubmittedQuery | undefined {
  return queuedQueries(client).at(-1) ?? client._sentQueryQueue?.at(-1) ?? activeQuery(client)
}

/** Whether statements are sent or queued behind the one on the wire. */
export function isFollowed(client: Client): boolean {
  return queuedQueries(client).length > 0 || (client._sentQueryQueue?.length ?? 0) > 0
}

/**
 * The work of the client for its owner. A stream that has ended and only awaits ReadyForQuery does not count.
 * `foreign` has the statements that are not the owner's.
 */
export function workOf(client: Client, foreign?: WeakSet<object>): Work {
  const active = activeQuery(client)
  if (active !== undefined && foreign?.has(active) !== true) {
    const work = 'pipeline' in client && isUnsendable(active) ? 'none' : workOfQuery(active)
    if (work !== 'none') return work
  }
  if (!isFollowed(client)) return 'none'
  const behind = [...queuedQueries(client), ...(client._sentQueryQueue ?? [])]
  return behind.every((query) => foreign?.has(query) === true) ? 'none' : 'query'
}

interface Submittable extends SubmittedQuery {
  readonly state?: unknown
  readonly read?: unknown
  readonly pipe?: unknown
  readonly write?: unknown
  readonly readableEnded?: unknown
  readonly destroyed?: unknown
}

function workOfQuery(active: SubmittedQuery): Work {
  const query = active as Submittable
  // A query stream wraps a cursor; only the cursor knows whether its portal is open.
  const cursor = (
    typeof query.cursor === 'object' && query.cursor !== null ? query.cursor : query
  ) as Submittable
  if (typeof cursor.state === 'string' && typeof cursor.read === 'function') {
    return cursor.state === 'done' || cursor.state === 'error' ? 'none' : 'portal'
  }
  // Destroying a COPY FROM sends the server a message that ends it; destroying a COPY TO sends nothing.
  if (typeof query.write === 'function') return query.destroyed === true ? 'none' : 'copy'
  if (typeof query.pipe === 'function') return query.readableEnded === true ? 'none' : 'copy'
  return 'query'
}

/**
 * The driver rejects a statement with a value that cannot be serialised (a circular object, a BigInt in an object)
 * without sending it. From version 8.23 on it then syncs with the server, and the statement only waits for that.
 */
function isUnsendable({ values }: SubmittedQuery): boolean {
  return Array.isArray(values) && values.some((value) => typeof value === 'object' && !isJson(value))
}

function isJson(value: unknown): boolean {
  try {
    JSON.stringify(value)
    return true
  } catch {
    return false
  }
}

/** The running statements of clients without a checkout. */
export function passingQueries(
  clients: Iterable<Client>,
  isOut: (client: Client) => boolean,
): PassingQuery[] {
  const passing: PassingQuery[] = []
  for (const client of clients) {
    const query = activeQuery(client)
    if (query === undefined || isOut(client)) continue
    const pid = typeof client.processID === 'number' ? client.processID : undefined
    passing.push({ pid, text: statementText(query) })
  }
  return passing
}

/** The number of open connections without a running statement, known clients apart. */
export function countSilent(clients: Iterable<Client>, isKnown: (client: Client) => boolean): number {
  let count = 0
  for (const client of clients) {
    const isOpen = typeof client.processID === 'number'
    if (isOpen && activeQuery(client) === undefined && !isKnown(client)) count += 1
  }
  return count
}
