import { describeMillis } from '../../text/duration.ts'
import { counted } from '../../text/layout.ts'
import { pidsText } from '../report/alike.ts'
import { pasteable } from '../report/cure-text.ts'
import { wrap } from '../report/layout.ts'
import { detailLines, sparedLines } from '../report/session-text.ts'
import type { TextOptions } from '../report/text-options.ts'
import {
  type ApplicationReport,
  isDatabaseTight,
  isServerTight,
  type LockHolderReport,
  type Survey,
} from './survey.ts'

/** The limits of the text; `--json` has the rest. */
const mostHolders = 5
const mostApplications = 12
const mostKeys = 8
const fewPids = 6

/** The idle sessions that hold advisory locks. */
export function advisoryLockLines({ advisoryLocks = [] }: Survey, options: TextOptions): string[] {
  const more = advisoryLocks.length - mostHolders
  return [
    ...advisoryLocks.slice(0, mostHolders).flatMap((holder) => holderLines(holder, options)),
    ...(more > 0 ? [`and ${counted(more, 'more session')}; --json has them all`] : []),
  ]
}

function holderLines({ session, locks }: LockHolderReport, options: TextOptions): string[] {
  const { style, columns } = options
  const id = `pid ${session.pid}`
  const keys = locks
    .slice(0, mostKeys)
    .map(({ key, tool }) => `${key}${tool === undefined ? '' : ` (${tool})`}`)
  const more = locks.length > mostKeys ? ` and ${locks.length - mostKeys} more` : ''
  const since = session.stateMillis === undefined ? '' : `, idle for ${describeMillis(session.stateMillis)}`
  const noun = locks.length === 1 ? 'advisory lock' : 'advisory locks'
  const text = `holds ${noun} ${keys.join('; ')}${more}${since}`
  const lines = wrap(text, columns, ' '.repeat(id.length + 2), '  ')
  return [
    `${style('bold', id)}  ${lines.join('\n').trimStart()}`,
    ...detailLines(session, '  ', options),
    ...(session.spared === undefined
      ? pasteable('if it is no longer used:', `--pid ${session.pid}`, '  ', options)
      : sparedLines(session, '  ', options)),
  ]
}

/** The invalid indexes. */
export function invalidIndexLines(
  { invalidIndexes = [] }: Survey,
  { style, columns }: TextOptions,
): string[] {
  return invalidIndexes.flatMap(({ name, table, drop }) => [
    ...wrap(
      `${name} on ${table}: no query uses it, and writes still update it. Rebuild it, or drop it:`,
      columns,
      '  ',
      '    ',
    ),
    `    ${style('cyan', drop)}`,
  ])
}

/** The server's slots by application, if few are free. */
export function slotLines({ slots }: Survey, options: TextOptions): string[] {
  if (slots === undefined || !(isServerTight(slots) || isDatabaseTight(slots))) return []
  const { max, reserved, used, usedByDatabase, databaseLimit } = slots
  const limit =
    databaseLimit === undefined
      ? ''
      : `. This database uses ${usedByDatabase} of its limit of ${databaseLimit}`
  const text = `${used} of ${max} are in use; the last ${reserved} are reserved, mostly for superusers${limit}`
  return [...wrap(text, options.columns, '', '  '), ...applicationLines(slots.byApplication, true, options)]
}

/** The sessions by application. */
export function applicationLines(
  applications: readonly ApplicationReport[],
  withDatabase: boolean,
  { columns, style }: TextOptions,
): string[] {
  const width = String(applications[0]?.count ?? 0).length
  const more = applications.slice(mostApplications)
  const rest = more.reduce((sum, { count }) => sum + count, 0)
  return [
    ...applications.slice(0, mostApplications).flatMap((one) => {
      const count = String(one.count).padStart(width)
      const indent = ' '.repeat(width + 4)
      const single = one.count === 1 ? `, ${pidsText(one.pids)}` : ''
      const lines = wrap(`${ownerOf(one, withDatabase)}: ${statesOf(one)}${single}`, columns, indent)
      return [
        `  ${style('bold', count)}  ${lines.join('\n').trimStart()}`,
        ...(one.count === 1
          ? []
          : wrap(pidsText(one.pids, fewPids), columns, indent).map((line) => style('dim', line))),
      ]
    }),
    ...(rest === 0 ? [] : [`  and ${rest} of ${counted(more.length, 'other application')}`]),
  ]
}

function ownerOf({ application, user, database }: ApplicationReport, withDatabase: boolean): string {
  return [
    application === undefined ? 'no application name' : `application ${application}`,
    ...(user === undefined ? [] : [`user ${user}`]),
    ...(database === undefined || !withDatabase ? [] : [`database ${database}`]),
  ].join(', ')
}

function statesOf({ states, count: total }: ApplicationReport): string {
  return Object.entries(states)
    .toSorted(([, a], [, b]) => b - a)
    .map(([state, count]) => (total === 1 ? state : `${count} ${state}`))
    .join(', ')
}
