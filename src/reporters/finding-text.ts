import { describeHolder, describeScope } from '../core/exhaustion.ts'
import {
  type Finding,
  type FindingKind,
  type Holder,
  type Outcome,
  resolutionText,
} from '../core/findings/finding.ts'
import { describeFrame, type Frame, type Origin } from '../core/origin/origin.ts'
import { describePool } from '../core/pool-record.ts'
import type { ScopeData } from '../core/scope.ts'
import { isInTransaction } from '../core/transaction.ts'
import { describeMillis } from '../text/duration.ts'
import { oneLine } from '../text/safe-text.ts'
import type { Style } from '../text/style.ts'
import { wrap } from '../text/wrap.ts'
import { codeFrame, linesAround } from './code-frame.ts'
import { verdictOf } from './verdict.ts'

const outcomes: Readonly<Record<Outcome, string>> = {
  'rolled-back': 'the transaction was rolled back',
  destroyed: 'the session was destroyed, its slot is free',
  refused: 'the call was refused',
  reset: 'the session was reset',
  rejected: 'the last caller was rejected',
}

/** The event at a finding's `eventOrigin`. */
const events: Partial<Readonly<Record<FindingKind, string>>> = {
  'double-release': 'released again',
  'use-after-release': 'used after release',
  'session-state': 'changed',
}

/** Shorter durations are omitted. */
const negligibleMillis = 10

export interface TextOptions {
  readonly style: Style
  /** The width at which lines are wrapped; undefined: not at all. */
  readonly columns: number | undefined
  /** Whether the source around the origin is shown. */
  readonly frame: boolean
}

/** The full report of a finding: kind, cause, remedy, line, and the state of the session. */
export function findingText(finding: Finding, options: TextOptions): string {
  const { style, columns } = options
  const { checkout, holders } = finding
  const paragraph = (text: string) => wrap(oneLine(text), columns, '  ')
  const lines = [headline(finding, style), ...paragraph(finding.hint)]
  if (finding.outcome !== undefined) {
    lines.push(...paragraph(`done: ${outcomeText(finding)}`).map((line) => style('green', line)))
  }
  if (finding.scope !== undefined)
    lines.push('', ...paragraph(`in ${describeScope(finding.scope)}${traceText(finding.scope)}`))
  lines.push(...place(finding, options))
  // A waiting caller has no session yet.
  if (checkout.phase !== 'waiting') lines.push('', ...paragraph(stateOf(finding)))
  if (checkout.lastQuery !== undefined) {
    const label = checkout.phase === 'waiting' ? 'query' : 'last query'
    lines.push(...paragraph(`${label}: ${checkout.lastQuery}`))
  }
  if (isCurable(finding)) {
    const cure = `left alone; to end the session by hand: SELECT pg_terminate_backend(${checkout.pid ?? 'pid'})`
    lines.push(...paragraph(cure).map((line) => style('dim', line)))
  }
  if (holders !== undefined && holders.length > 0) {
    lines.push('', '  held by', ...holders.flatMap((holder) => holderText(holder, columns)))
  }
  return `${lines.join('\n')}\n`
}

/** A holder, with its query on a separate line: if wrapped, its operators could look like list marks. */
function holderText({ lastQuery, ...holder }: Holder, columns: number | undefined): string[] {
  const lines = wrap(describeHolder(holder), columns, '  - ', '    ')
  if (lastQuery !== undefined)
    lines.push(...wrap(oneLine(`last query: ${lastQuery}`), columns, '    ', '      '))
  return lines
}

function traceText({ traceId }: ScopeData): string {
  return traceId === undefined ? '' : `, trace ${traceId}`
}

/** Whether the reader can still end the session by hand. */
function isCurable({ kind, remedy, checkout }: Finding): boolean {
  return (
    remedy === 'report' &&
    isInTransaction(checkout.transaction) &&
    (kind === 'idle-transaction' || kind === 'long-transaction')
  )
}

/** A later event of a finding, on one line. */
export function updateText(finding: Finding, event: 'remedied' | 'resolved', style: Style): string {
  const what = event === 'resolved' ? oneLine(resolutionText(finding)) : outcomeText(finding)
  return `${style('dim', 'pg-lifeguard:')} ${style('green', event)} ${finding.kind}${at(finding)}: ${what}\n`
}

/** A finding that updates an open one of the same checkout, on one line. */
export function additionText(finding: Finding, style: Style): string {
  const { kind, hint, outcome } = finding
  const done = outcome === undefined ? '' : ` (${outcomeText(finding)})`
  return `${style('dim', 'pg-lifeguard:')} ${style('yellow', kind)}${at(finding)}, too: ${oneLine(hint)}${done}\n`
}

/** A further finding of a known mistake, on one line. `source` is its route and caller, if they are new. */
export function repeatText(finding: Finding, style: Style, source: string | undefined): string {
  const { kind, occurrences } = finding
  const also = source === undefined ? '' : `, now ${oneLine(source)}`
  return `${style('dim', 'pg-lifeguard:')} ${style('yellow', kind)}${at(finding)} again: ${occurrences} times so far${also}\n`
}

function headline(finding: Finding, style: Style): string {
  const { kind, pool } = finding
  const verdict = verdictOf(finding)
  const word = verdict === undefined ? '' : `${style(verdict === 'leak' ? 'red' : 'yellow', `${verdict}:`)} `
  return `${style('dim', 'pg-lifeguard:')} ${word}${style('bold', kind)} in ${oneLine(describePool(pool))}`
}

/** The lines of the checkout and of the event, as far as they are known. */
function place(finding: Finding, options: TextOptions): string[] {
  const { kind, origin, transactionOrigin, eventOrigin } = finding
  const { style } = options
  const main = origin ?? transactionOrigin
  const lines: string[] = []
  if (main !== undefined) lines.push('', ...checkoutPlace(finding, main, options))
  if (eventOrigin !== undefined) {
    lines.push(
      '',
      `  ${events[kind] ?? 'happened'} at ${frameText(eventOrigin, style)}`,
      ...framed(eventOrigin, options),
    )
  }
  return lines.length > 0 ? lines : ['', `  ${style('dim', unknownPlace(finding))}`]
}

function unknownPlace({ checkout: { via, phase } }: Finding): string {
  return via === 'pool.query' && phase !== 'waiting'
    ? 'line unknown: for pool.query it is recorded only if the text shows that the statement may leave something behind'
    : 'line unknown: a library between your code and the pool has lost it'
}

function checkoutPlace(
  { checkout, origin, transactionOrigin }: Finding,
  main: Origin,
  options: TextOptions,
): string[] {
  const { style } = options
  const asked = checkout.phase === 'waiting' ? 'asked for a client' : 'checked out'
  const action = origin === undefined ? 'transaction opened' : asked
  const lines = [`  ${action} at ${frameText(main, style)}`, ...framed(main, options)]
  const caller = main.frames.slice(1).find(({ file }) => !/[\\/]node_modules[\\/]/.test(file))
  if (caller !== undefined) lines.push(`  ${style('dim', calledFrom(main))} ${frameText(caller, style)}`)
  if (
    origin !== undefined &&
    transactionOrigin !== undefined &&
    !isShown(transactionOrigin, origin, options)
  ) {
    const opened =
      transactionOrigin.isUsual === true ? 'transaction usually opened at' : 'transaction opened at'
    lines.push(`  ${style('dim', opened)} ${frameText(transactionOrigin, style)}`)
  }
  return lines
}

function calledFrom({ callersVary }: Origin): string {
  if (callersVary === undefined) return 'called from'
  return callersVary ? 'called from several places, such as' : 'usually called from'
}

function framed(origin: Frame, { style, columns, frame }: TextOptions): string[] {
  return frame ? codeFrame(origin, style, columns).map((line) => `    ${line}`) : []
}

/** Whether a line is already shown: it is the main line, or in the source around it. */
function isShown(place: Origin, main: Origin, { frame }: TextOptions): boolean {
  return place.file === main.file && Math.abs(place.line - main.line) <= (frame ? linesAround : 0)
}

function stateOf({ checkout }: Finding): string {
  const { pid, transaction, transactionMillis, heldMillis, idleMillis, queryCount, busyMillis } = checkout
  const parts = pid === undefined ? [] : [`server pid ${pid}`]
  // Nearly equal durations are printed once.
  const printed: number[] = []
  const add = (what: string, millis: number) => {
    if (millis < negligibleMillis || printed.some((other) => Math.abs(other - millis) < other / 20)) return
    printed.push(millis)
    parts.push(`${what} for ${describeMillis(millis)}`)
  }
  if (isInTransaction(transaction)) {
    add(`idle in ${transaction === 'open' ? 'an open' : 'a failed'} transaction`, idleMillis)
    add(`transaction ${transaction}`, transactionMillis)
    if (printed.length === 0) parts.push(`transaction ${transaction}`)
  } else {
    add('idle', idleMillis)
  }
  add('held', heldMillis)
  parts.push(`${queryCount} ${queryCount === 1 ? 'query' : 'queries'}`)
  if (busyMillis >= negligibleMillis) parts.push(`${describeMillis(busyMillis)} in the database`)
  return parts.join(', ')
}

function outcomeText({ outcome, outcomeDetail }: Finding): string {
  const what = outcome === undefined ? 'nothing was done' : outcomes[outcome]
  return outcomeDetail === undefined ? what : `${what} (${oneLine(outcomeDetail)})`
}

function at({ origin, transactionOrigin, eventOrigin }: Finding): string {
  const main = origin ?? transactionOrigin ?? eventOrigin
  return main === undefined ? '' : ` at ${oneLine(describeFrame(main))}`
}

function frameText(frame: Frame, style: Style): string {
  const { functionName } = frame
  const named = functionName !== undefined && functionName !== '<anonymous>'
  return `${style('cyan', oneLine(describeFrame(frame)))}${named ? style('dim', ` in ${oneLine(functionName)}`) : ''}`
}
