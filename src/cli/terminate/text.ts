import type { ServerSession } from '../../postgres/index.ts'
import type { OriginOf } from '../../postgres/report/session-origin.ts'
import { preparedReport, type SessionReport, sessionReport } from '../../postgres/report/session-report.ts'
import { describeMillis } from '../../text/duration.ts'
import { counted } from '../../text/layout.ts'
import { oneLine } from '../../text/safe-text.ts'
import { preparedCureLines } from '../report/cure-text.ts'
import { wrap } from '../report/layout.ts'
import { detailLines, listLines, preparedText } from '../report/session-text.ts'
import type { TextOptions } from '../report/text-options.ts'
import type { Aftermath, EndResult } from './ending.ts'
import type { TerminateOptions } from './options.ts'
import { freedPids, type Plan, type SparedSession } from './plan.ts'

/** The limit of pids that are named. */
const mostPids = 12

/** The sessions that are about to be ended, and the consequences. */
export function previewText(
  chosen: Plan,
  options: TerminateOptions,
  originOf: OriginOf,
  layout: TextOptions,
): string {
  const { targets, refused, prepared, spared, tree, snapshot } = chosen
  const { style, columns } = layout
  const report = (session: ServerSession) =>
    sessionReport(session, snapshot, { queryText: options.queryText, originOf })
  const lines = targets.flatMap((target) => [
    ...listLines(report(target), layout),
    ...wrap(consequence(target, freedPids(tree, target), options), columns, '  '),
    '',
  ])
  for (const one of spared) lines.push(...sparedLines(one, report(one.session), options, layout))
  for (const result of refused) lines.push(...resultLines(result, layout))
  for (const one of prepared.map(preparedReport)) {
    lines.push(
      ...wrap(`${preparedText(one)}, has no session`, columns, '', '  '),
      ...preparedCureLines(one, '  ', layout),
    )
  }
  if (targets.length + refused.length + prepared.length === 0) {
    lines.push(...wrap(noneText(options, spared.length), columns, '', '  '))
  }
  if (options.idleInTransaction !== undefined && snapshot.missingGrant !== undefined) {
    const hidden = counted(snapshot.hiddenSessions, 'session')
    const text = `${hidden} cannot be seen by this role. To see all: ${snapshot.missingGrant}`
    lines.push(...wrap(text, columns, '', '  ').map((line) => style('yellow', line)))
  }
  return lines.join('\n').trimEnd()
}

function sparedLines(
  { session, reason }: SparedSession,
  report: SessionReport,
  { spare = [] }: TerminateOptions,
  layout: TextOptions,
): string[] {
  const { style, columns } = layout
  const isByName = spare.some((name) => reason.endsWith(`application=${name}`))
  const why = isByName ? reason : `spared: ${reason}. Only --pid can end it, with a separate confirmation`
  return [
    ...wrap(`${style('bold', `pid ${session.pid}`)}  ${why}`, columns, '', '  '),
    ...detailLines(report, '  ', layout),
    '',
  ]
}

function noneText({ blocking, idleInTransaction = 0 }: TerminateOptions, spared: number): string {
  const limit = describeMillis(idleInTransaction)
  if (spared > 0) return 'Nothing else to end.'
  if (blocking !== undefined) return `pid ${blocking} does not wait for another session.`
  return `No session is idle in a transaction for ${limit} or longer.`
}

function consequence(target: ServerSession, freed: readonly number[], { cancel }: TerminateOptions): string {
  const open = target.transactionMillis
  const isActive = target.state === 'active'
  const what =
    open === undefined && target.state !== 'idle in transaction (aborted)'
      ? 'no transaction is lost'
      : `its transaction${open === undefined ? '' : `, open for ${describeMillis(open)},`} is rolled back`
  const how = cancel === true && isActive ? 'its statement is cancelled' : what
  const note = cancel === true && !isActive ? ' (it is running no statement to cancel)' : ''
  return freed.length === 0
    ? `${how}; no session is freed${note}`
    : `${how}; ${counted(freed.length, 'session is', 'sessions are')} freed: ${pidsText(freed)}${note}`
}

function pidsText(pids: readonly number[]): string {
  const named = pids.slice(0, mostPids).map((pid) => `pid ${pid}`)
  const more = pids.length - named.length
  return `${named.join(', ')}${more === 0 ? '' : ` and ${more} more`}`
}

/** The outcome for one session. */
export function resultLines(
  { pid, outcome, detail, grant, cancelled }: EndResult,
  { style, columns }: TextOptions,
): string[] {
  const isGood = outcome === 'ended'
  const word = cancelled === true && isGood ? 'its statement has ended, the session continues' : outcome
  const more = detail === undefined ? '' : `: ${oneLine(detail)}`
  const text = `${style('bold', `pid ${pid}`)}  ${style(isGood ? 'green' : 'yellow', word)}${more}`
  return [...wrap(text, columns, '', '  '), ...(grant === undefined ? [] : [`  ${style('cyan', grant)}`])]
}

/** The sessions that continue now, and those that still wait. */
export function aftermathText(
  { free, stillBlocked, snapshot, tree }: Aftermath,
  { queryText }: TerminateOptions,
  originOf: OriginOf,
  layout: TextOptions,
): string {
  const { style, columns } = layout
  const lines: string[] = []
  if (free.length > 0) {
    const all = stillBlocked.length === 0
    const who = all && free.length > 1 ? `All ${free.length} sessions` : counted(free.length, 'session')
    lines.push(style('green', `${who} that waited ${free.length === 1 ? 'is' : 'are'} free.`))
  }
  if (stillBlocked.length > 0) {
    const roots = [...new Set(stillBlocked.flatMap((one) => one.roots))]
    const pids = pidsText(stillBlocked.map(({ pid }) => pid))
    const text = `${counted(stillBlocked.length, 'session')} still blocked (${pids}), behind:`
    lines.push(...wrap(text, columns, '', '  ').map((line) => style('red', line)))
    for (const { id, session, prepared } of tree.nodes.filter((node) => roots.includes(node.id))) {
      lines.push(
        ...(session
          ? listLines(sessionReport(session, snapshot, { queryText, originOf }), layout)
          : [prepared === undefined ? id : preparedText(preparedReport(prepared))]
        ).map((line) => `  ${line}`),
      )
    }
  }
  if (lines.length === 0) lines.push('No session waited for it.')
  return lines.join('\n')
}
