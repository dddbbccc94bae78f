import { describeMillis } from '../core/duration.ts'
import { describeHolder } from '../core/exhaustion.ts'
import type { Finding, Outcome } from '../core/finding.ts'
import { describeFrame, type Frame, type Origin } from '../core/origin.ts'
import { codeFrame } from './code-frame.ts'
import { harmless, type Style } from './terminal-style.ts'

const outcomes: Readonly<Record<Outcome, string>> = {
  'rolled-back': 'the transaction was rolled back',
  destroyed: 'the session was destroyed, its slot is free',
  refused: 'the release was refused',
}

/** A finding as a reader at a terminal wants it: what, where, in what state, why, and what was done. */
export function findingText(finding: Finding, style: Style): string {
  const { checkout, holders } = finding
  const lines = [headline(finding, style), `  ${harmless(finding.hint)}`]
  lines.push(...place(finding, style))
  const state = stateOf(finding)
  if (state !== '') lines.push('', `  ${state}`)
  if (checkout.lastQuery !== undefined) {
    lines.push(`  ${style('dim', 'last query:')} ${harmless(checkout.lastQuery)}`)
  }
  if (holders !== undefined && holders.length > 0) {
    lines.push('', '  held by', ...holders.map((holder) => `  - ${harmless(describeHolder(holder))}`))
  }
  if (finding.outcome !== undefined) lines.push(`  ${style('green', 'done:')} ${outcomeText(finding)}`)
  return `${lines.join('\n')}\n`
}

/** What came later, in one line. */
export function updateText(finding: Finding, style: Style): string {
  const what = finding.resolution === undefined ? outcomeText(finding) : finding.resolution
  const label = finding.resolution === undefined ? 'remedied' : 'resolved'
  return `${style('dim', 'pg-lifeguard:')} ${style('green', label)} ${finding.kind}${at(finding)}: ${what}\n`
}

/** A finding that was reported before, as a count. */
export function repeatText(finding: Finding, style: Style): string {
  const { kind, occurrences } = finding
  return `${style('dim', 'pg-lifeguard:')} ${style('yellow', kind)}${at(finding)} again: ${occurrences} times so far\n`
}

function headline({ kind, certainty, pool }: Finding, style: Style): string {
  const verdict = certainty === 'certain' ? style('red', 'leak:') : style('yellow', 'suspected:')
  return `${style('dim', 'pg-lifeguard:')} ${verdict} ${style('bold', kind)} in pool ${harmless(pool)}`
}

function place({ origin, transactionOrigin, eventOrigin }: Finding, style: Style): string[] {
  const lines: string[] = []
  const main = origin ?? transactionOrigin
  if (main === undefined) return ['', `  ${style('dim', 'no line of your code was on the stack')}`]
  const action = origin === undefined ? 'transaction opened' : 'checked out'
  lines.push('', `  ${action} at ${frameText(main, style)}`, ...indented(codeFrame(main, style)))
  const caller = main.frames.slice(1).find(({ file }) => !/[\\/]node_modules[\\/]/.test(file))
  if (caller !== undefined) lines.push(`  ${style('dim', 'called from')} ${frameText(caller, style)}`)
  if (origin !== undefined && transactionOrigin !== undefined && !isSamePlace(origin, transactionOrigin)) {
    lines.push(`  ${style('dim', 'transaction opened at')} ${frameText(transactionOrigin, style)}`)
  }
  if (eventOrigin !== undefined) {
    lines.push(
      '',
      `  released again at ${frameText(eventOrigin, style)}`,
      ...indented(codeFrame(eventOrigin, style)),
    )
  }
  return lines
}

function stateOf({ checkout }: Finding): string {
  const parts: string[] = []
  if (checkout.pid !== undefined) parts.push(`server pid ${checkout.pid}`)
  if (checkout.transaction !== 'idle') {
    parts.push(`transaction ${checkout.transaction} for ${describeMillis(checkout.transactionMillis)}`)
  }
  if (checkout.phase === 'waiting') {
    parts.push(`waiting for ${describeMillis(checkout.waitedMillis)}`)
  } else {
    parts.push(`held for ${describeMillis(checkout.heldMillis)}`)
    if (checkout.idleMillis > 0) parts.push(`idle for ${describeMillis(checkout.idleMillis)}`)
    parts.push(`${checkout.queryCount} ${checkout.queryCount === 1 ? 'query' : 'queries'}`)
    if (checkout.busyMillis > 0) parts.push(`${describeMillis(checkout.busyMillis)} in the database`)
  }
  return parts.join(', ')
}

function outcomeText({ outcome, outcomeDetail }: Finding): string {
  const what = outcome === undefined ? 'nothing was done' : outcomes[outcome]
  return outcomeDetail === undefined ? what : `${what} (${harmless(outcomeDetail)})`
}

function at({ origin, transactionOrigin }: Finding): string {
  const main = origin ?? transactionOrigin
  return main === undefined ? '' : ` at ${harmless(describeFrame(main))}`
}

function frameText(frame: Frame, style: Style): string {
  const name = frame.functionName === undefined ? '' : style('dim', ` in ${harmless(frame.functionName)}`)
  return `${style('cyan', harmless(describeFrame(frame)))}${name}`
}

function isSamePlace(one: Origin, other: Origin): boolean {
  return one.file === other.file && one.line === other.line
}

function indented(lines: readonly string[]): string[] {
  return lines.map((line) => `    ${line}`)
}
