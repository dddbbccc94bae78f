import type { PreparedReport, SessionReport } from '../../postgres/report/session-report.ts'
import { describeMillis } from '../../text/duration.ts'
import { cut, wrap } from './layout.ts'
import type { TextOptions } from './text-options.ts'

/** The state of a session in a few words: `idle in transaction for 41 min`. */
export function stateText({
  hidden,
  state,
  stateMillis,
  transactionMillis,
  backendType,
}: SessionReport): string {
  if (hidden) return 'hidden from this role'
  const kind = backendType === undefined ? '' : `${backendType}, `
  if (state === undefined) return `${kind}state unknown`
  const since = stateMillis === undefined ? '' : ` for ${describeMillis(stateMillis)}`
  // Equal ages are printed once.
  const isOlder = transactionMillis !== undefined && transactionMillis - (stateMillis ?? 0) >= 1_000
  const open = isOlder ? `, transaction open for ${describeMillis(transactionMillis)}` : ''
  return `${kind}${state}${since}${open}`
}

/** Application, user, database and client. */
export function ownerText({ application, backendType, user, database, client }: SessionReport): string {
  const nameless =
    backendType === undefined ? 'no application name' : `the server's own process ${backendType}`
  const parts = [
    application === undefined ? nameless : `application ${application}`,
    ...(user === undefined ? [] : [`user ${user}`]),
    ...(database === undefined ? [] : [`database ${database}`]),
    ...(client === undefined ? [] : [client === 'local' ? 'local socket' : `client ${client}`]),
  ]
  return parts.join(', ')
}

export function waitText({ waitsFor }: SessionReport): string | undefined {
  if (waitsFor === undefined) return undefined
  const { mode, target, millis } = waitsFor
  const since = millis === undefined ? '' : `${describeMillis(millis)} `
  return `waits ${since}for ${mode === undefined ? target : `${mode} on ${target}`}`
}

/** The lines below a session's first one. */
export function detailLines(session: SessionReport, indent: string, options: TextOptions): string[] {
  const { style, columns } = options
  const lines = wrap(ownerText(session), columns, indent, `${indent}  `).map((line) => style('dim', line))
  const { query, origin, state } = session
  if (query !== undefined) {
    const label = state === 'active' ? 'query: ' : 'last query: '
    lines.push(`${indent}${style('dim', label)}${cut(query, columns, indent.length + label.length)}`)
  }
  if (origin !== undefined) lines.push(...originLines(origin, indent, options))
  return lines
}

function originLines(
  { source, text, unverified }: NonNullable<SessionReport['origin']>,
  indent: string,
  { style, columns }: TextOptions,
): string[] {
  const doubt = unverified === undefined ? [] : wrap(`unverified: ${unverified}`, columns, `${indent}  `)
  return [
    `${indent}${style('dim', source === 'pgbouncer' ? 'held by ' : 'opened at ')}${style('bold', text)}`,
    ...doubt,
  ]
}

export function preparedText({ gid, owner, database, millis }: PreparedReport): string {
  if (gid === '?') return 'a prepared transaction that could not be identified'
  const since = millis === undefined ? '' : ` for ${describeMillis(millis)}`
  const whose = [
    ...(owner === undefined ? [] : [`owner ${owner}`]),
    ...(database === undefined ? [] : [`database ${database}`]),
  ]
  return `prepared transaction '${gid}'${since}${whose.length === 0 ? '' : `, ${whose.join(', ')}`}`
}

/** A session in a list, with a note if it must not be ended. */
export function listLines(session: SessionReport, options: TextOptions): string[] {
  const { style, columns } = options
  const id = `pid ${session.pid}`
  const state = wrap(stateText(session), columns, ' '.repeat(id.length + 2), '  ')
  return [
    `${style('bold', id)}  ${state.join('\n').trimStart()}`,
    ...detailLines(session, '  ', options),
    ...sparedLines(session, '  ', options),
  ]
}

/** The reason why the session must be left alone, if there is one. */
export function sparedLines({ spared }: SessionReport, indent: string, options: TextOptions): string[] {
  if (spared === undefined) return []
  return wrap(spared, options.columns, indent, `${indent}  `).map((line) => options.style('yellow', line))
}
