import type { CheckReport } from '../../postgres/report/server-report.ts'
import { describeMillis } from '../../text/duration.ts'
import { counted } from '../../text/layout.ts'
import { wrap } from '../report/layout.ts'
import type { TextOptions } from '../report/text-options.ts'
import { isDatabaseTight, isServerTight, type SlotsReport, type Survey } from './survey.ts'

/** The last lines of the report: a count of every kind of fact that is shown above. */
export function summaryLines(report: CheckReport & Survey, { style, columns }: TextOptions): string[] {
  const { verdict, hiddenSessions, missingGrant } = report
  const main = mainFacts(report).join(', ')
  const less = idleForLessText(report)
  const further = furtherFacts(report).map((fact) => `, ${fact}`)
  const text =
    verdict === 'found'
      ? `${main}${less}${further.join('')}`
      : `${nothingText(report)}${less}${further.join('').replace(/^,/, ';')}`
  const colour = verdict === 'found' ? 'red' : verdict === 'clean' ? 'green' : 'yellow'
  const hidden = `${counted(hiddenSessions, 'session')} cannot be seen by this role. To see all: ${missingGrant}`
  return [
    ...wrap(text, columns, '', '  ').map((line) => style(colour, line)),
    ...(hiddenSessions === 0 ? [] : wrap(hidden, columns, '', '  ').map((line) => style('yellow', line))),
  ]
}

/** The prepared transactions that block nothing; those that do are in the blocking tree. */
export function idlePrepared({ prepared, blocking }: CheckReport): CheckReport['prepared'] {
  return prepared.filter(({ gid }) => !blocking.some((node) => node.prepared?.gid === gid))
}

/** The facts that the verdict depends on. */
function mainFacts(report: CheckReport): string[] {
  const { roots, blocking, deadlocks, idleInTransaction } = report
  const blocked = blocking.filter(({ blockedBy }) => blockedBy.length > 0).length
  const prepared = idlePrepared(report).length
  const facts: readonly (readonly [number, string])[] = [
    [
      blocked,
      roots.length === 0
        ? `${counted(blocked, 'session')} wait for each other`
        : `${counted(roots.length, 'root blocks', 'roots block')} ${counted(blocked, 'session')}`,
    ],
    [deadlocks.length, counted(deadlocks.length, 'deadlock')],
    [prepared, `${counted(prepared, 'prepared transaction')} for ${limit(report)} or longer`],
    [
      idleInTransaction.length,
      `${counted(idleInTransaction.length, 'session')} idle in a transaction for ${limit(report)} or longer`,
    ],
  ]
  return facts.flatMap(([count, text]) => (count === 0 ? [] : [text]))
}

/** The facts that are shown, but do not change the verdict. */
function furtherFacts({ advisoryLocks = [], invalidIndexes = [], slots }: Survey): string[] {
  return [
    ...(advisoryLocks.length === 0
      ? []
      : [`${counted(advisoryLocks.length, 'idle session')} with advisory locks`]),
    ...(invalidIndexes.length === 0
      ? []
      : [counted(invalidIndexes.length, 'invalid index', 'invalid indexes')]),
    ...(slots === undefined ? [] : slotsFacts(slots)),
  ]
}

function slotsFacts(slots: SlotsReport): string[] {
  const { used, max, usedByDatabase, databaseLimit } = slots
  return [
    ...(isServerTight(slots) ? [`${used} of ${max} slots in use`] : []),
    ...(isDatabaseTight(slots)
      ? [`${usedByDatabase} of ${databaseLimit} slots of this database in use`]
      : []),
  ]
}

function nothingText(report: CheckReport): string {
  const nothing = report.verdict === 'clean' ? 'Nothing' : 'Of what can be seen, nothing'
  return `${nothing} blocks, and no session is idle in a transaction for ${limit(report)} or longer`
}

function idleForLessText(report: CheckReport): string {
  const { verdict, idleInTransaction, idleForLess } = report
  if (idleForLess === 0) return ''
  const what = idleInTransaction.length > 0 ? ' more' : verdict === 'found' ? ' idle in a transaction' : ''
  return ` (${idleForLess}${what} for less than ${limit(report)})`
}

function limit({ idleLimitMillis }: CheckReport): string {
  return describeMillis(idleLimitMillis)
}
