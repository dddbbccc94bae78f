import type { CheckReport } from '../../postgres/report/server-report.ts'
import type { SessionReport } from '../../postgres/report/session-report.ts'
import { describeMillis } from '../../text/duration.ts'
import { counted } from '../../text/layout.ts'
import { groupsBy, likeness, mostAlike, pidsText, rangeText, withoutClient } from '../report/alike.ts'
import { preparedCureLines } from '../report/cure-text.ts'
import { wrap } from '../report/layout.ts'
import { detailLines, listLines, preparedText, sparedLines } from '../report/session-text.ts'
import type { TextOptions } from '../report/text-options.ts'
import { forestLines } from './forest.ts'
import { idlePrepared, summaryLines } from './summary.ts'
import type { ApplicationReport, Survey } from './survey.ts'
import { advisoryLockLines, applicationLines, invalidIndexLines, slotLines } from './survey-text.ts'

/** The output of `check --json`. */
export type SurveyedReport = CheckReport & Survey

/** The output of `check` as text. */
export function checkText(report: SurveyedReport, options: TextOptions): string {
  const { database } = report.server
  const { connected } = report
  const parts = [
    headLines(report, options),
    ...section('Who blocks whom', forestLines(report, options).slice(1), options),
    ...section(`Idle in transaction for ${limit(report)} or longer`, idleLines(report, options), options),
    ...section('Prepared transactions', preparedLines(report, options), options),
    ...section('Advisory locks held by idle sessions', advisoryLockLines(report, options), options),
    ...section(`Invalid indexes in database ${database}`, invalidIndexLines(report, options), options),
    ...section('Slots', slotLines(report, options), options),
    ...(connected === undefined
      ? []
      : section(
          `Connected to database ${database}: ${counted(totalOf(connected), 'session')}`,
          applicationLines(connected, false, options),
          options,
        )),
    summaryLines(report, options),
    ...netLines(report, options),
  ]
  return parts.map((lines) => lines.join('\n')).join('\n\n')
}

function totalOf(applications: readonly ApplicationReport[]): number {
  return applications.reduce((sum, { count }) => sum + count, 0)
}

function section(title: string, lines: readonly string[], { style }: TextOptions): string[][] {
  return lines.length === 0 ? [] : [[style(['bold', 'underline'], title), ...lines]]
}

function headLines({ server }: CheckReport, { style, columns }: TextOptions): string[] {
  const { version, address, port, database, role, standby } = server
  const place = address === undefined ? 'over a local socket' : `at ${address}:${port}`
  const text = `PostgreSQL ${version} ${place}, ${standby === true ? 'a standby, ' : ''}database ${database}, as ${role}`
  return wrap(text, columns, '', '  ').map((line) => style('dim', line))
}

function idleLines({ idleInTransaction }: CheckReport, options: TextOptions): string[] {
  return groupsBy(idleInTransaction, likeness).flatMap((group, at) => {
    const lines =
      group.length > mostAlike
        ? foldedIdleLines(group, options)
        : group.flatMap((session, nth) => [...(nth === 0 ? [] : ['']), ...listLines(session, options)])
    return at === 0 ? lines : ['', ...lines]
  })
}

/** Sessions that do the same, shown as one. */
function foldedIdleLines(group: readonly SessionReport[], options: TextOptions): string[] {
  const [first] = group
  if (first === undefined) return []
  const { style, columns } = options
  const range = rangeText(group.map(({ stateMillis = 0 }) => stateMillis))
  return [
    ...wrap(`${style('bold', `${group.length} alike`)}, ${first.state} for ${range}`, columns, '', '  '),
    ...wrap(pidsText(group.map(({ pid }) => pid)), columns, '  '),
    ...detailLines(withoutClient(first), '  ', options),
    ...sparedLines(first, '  ', options),
  ]
}

function preparedLines(report: CheckReport, options: TextOptions): string[] {
  return idlePrepared(report).flatMap((one) => [
    ...wrap(preparedText(one), options.columns, '', '  '),
    ...preparedCureLines(one, '  ', options),
  ])
}

function netLines({ safetyNets, server }: CheckReport, { style, columns }: TextOptions): string[][] {
  const off = safetyNets.filter(({ isOn }) => !isOn)
  if (off.length === 0) return []
  return [
    [
      style('bold', `Safety nets that are off in database ${server.database}`),
      ...(server.standby === true ? ['  This is a standby: ALTER DATABASE is for its primary.'] : []),
      ...off.flatMap(({ setting, purpose, statement, roles }) => {
        const own = roles.map(({ role, value }) => `${role} has ${value}`).join(', ')
        return [
          ...wrap(`${setting}: ${purpose}${own === '' ? '' : ` (${own})`}`, columns, '  ', '    '),
          `    ${style('cyan', statement)}`,
        ]
      }),
    ],
  ]
}

function limit({ idleLimitMillis }: CheckReport): string {
  return describeMillis(idleLimitMillis)
}
