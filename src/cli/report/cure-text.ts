import type { PreparedReport, SessionReport } from '../../postgres/report/session-report.ts'
import { terminateCommand } from '../self.ts'
import { fits, wrap } from './layout.ts'
import type { TextOptions } from './text-options.ts'

/** Advice on a session that blocks others; empty if nothing should be done. */
export function cureLines(session: SessionReport, indent: string, options: TextOptions): string[] {
  const { pid, backendType, state, spared, preventsWraparound } = session
  const { style, columns } = options
  const say = (text: string) => wrap(text, columns, indent, `${indent}  `).map((line) => style('cyan', line))
  if (preventsWraparound === true) {
    return say(
      'it prevents transaction ID wraparound, so it does not give way: wait for it (see pg_stat_progress_vacuum). If ended, it starts again',
    )
  }
  if (backendType?.startsWith('autovacuum') === true)
    return say('autovacuum gives way by itself within a second or so, unless it prevents wraparound')
  if (spared !== undefined) return say(`wait for it, or end those behind it. It is ${spared}`)
  if (backendType !== undefined) return []
  return state === 'active'
    ? pasteable('to cancel its statement:', `--pid ${pid} --cancel`, indent, options)
    : pasteable('to end it:', `--pid ${pid}`, indent, options)
}

/** The two statements that end a prepared transaction, each on a separate line. */
export function preparedCureLines(
  { database, rollback, commit }: PreparedReport,
  indent: string,
  options: TextOptions,
): string[] {
  if (rollback === undefined || commit === undefined) return []
  const { style, columns } = options
  const say = (text: string) => wrap(text, columns, indent, `${indent}  `).map((line) => style('cyan', line))
  return [
    ...say(`to end it, in database ${database ?? '?'}, as its owner or a superuser:`),
    `${indent}  ${style('cyan', rollback)}`,
    ...say('or, if its distributed transaction was committed elsewhere:'),
    `${indent}  ${style('cyan', commit)}`,
  ]
}

/** A command that ends sessions, after its purpose or on the next line, never wrapped, so that it can be pasted. */
export function pasteable(
  purpose: string,
  selection: string,
  indent: string,
  { style, columns, terminate = terminateCommand('pg-lifeguard') }: TextOptions,
): string[] {
  const command = terminate(selection)
  const line = `${indent}${purpose} ${command}`
  return fits(line, columns)
    ? [style('cyan', line)]
    : [style('cyan', `${indent}${purpose}`), style('cyan', `${indent}  ${command}`)]
}
