import { quoteText } from '../../postgres/quote.ts'
import { describeMillis } from '../../text/duration.ts'
import { counted } from '../../text/layout.ts'
import { wrap } from '../report/layout.ts'
import { listLines, preparedText, type TextOptions } from '../report/session-text.ts'
import { forestLines } from './forest.ts'
import type { CheckReport } from './report.ts'

/** What `check` prints for people. */
export function checkText(report: CheckReport, options: TextOptions): string {
  const parts = [
    headLines(report, options),
    ...section('Who blocks whom', forestLines(report, options).slice(1), options),
    ...section(`Idle in transaction for ${limit(report)} or longer`, idleLines(report, options), options),
    ...section('Prepared transactions', preparedLines(report, options), options),
    summaryLines(report, options),
    ...netLines(report, options),
  ]
  return parts.map((lines) => lines.join('\n')).join('\n\n')
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

function idleLines(report: CheckReport, options: TextOptions): string[] {
  return report.idleInTransaction.flatMap((session, at) => [
    ...(at === 0 ? [] : ['']),
    ...listLines(session, options),
  ])
}

function preparedLines({ prepared }: CheckReport, { style, columns }: TextOptions): string[] {
  return prepared.flatMap((one) => [
    ...wrap(preparedText(one), columns, '', '  '),
    ...wrap(`to end it: ROLLBACK PREPARED ${quoteText(one.gid)}; or COMMIT PREPARED`, columns, '  ').map(
      (line) => style('cyan', line),
    ),
  ])
}

function summaryLines(report: CheckReport, { style, columns }: TextOptions): string[] {
  const { verdict, roots, blocking, idleInTransaction, idleForLess, hiddenSessions, missingGrant } = report
  const blocked = blocking.filter(({ blockedBy }) => blockedBy.length > 0).length
  const facts = [
    ...(blocked === 0
      ? []
      : [
          roots.length === 0
            ? `${counted(blocked, 'session')} wait for each other`
            : `${counted(roots.length, 'root blocks', 'roots block')} ${counted(blocked, 'session')}`,
        ]),
    ...(idleInTransaction.length === 0
      ? []
      : [
          `${counted(idleInTransaction.length, 'session')} idle in a transaction for ${limit(report)} or longer`,
        ]),
    ...(report.deadlocks.length === 0 ? [] : [counted(report.deadlocks.length, 'deadlock')]),
  ]
  const alike = idleInTransaction.length > 0 ? ' more' : verdict === 'found' ? ' idle in a transaction' : ''
  const less = idleForLess === 0 ? '' : ` (${idleForLess}${alike} for less than ${limit(report)})`
  const hidden =
    hiddenSessions === 0
      ? []
      : wrap(
          `${counted(hiddenSessions, 'session')} cannot be seen by this role. To see all: ${missingGrant}`,
          columns,
          '',
          '  ',
        ).map((line) => style('yellow', line))
  const text =
    verdict === 'found'
      ? `${facts.join(', ') || counted(report.prepared.length, 'prepared transaction')}${less}`
      : `${verdict === 'clean' ? 'Nothing' : 'Of what can be seen, nothing'} blocks, and nobody is idle in a transaction for ${limit(report)} or longer${less}`
  const colour = verdict === 'found' ? 'red' : verdict === 'clean' ? 'green' : 'yellow'
  return [...wrap(text, columns, '', '  ').map((line) => style(colour, line)), ...hidden]
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
