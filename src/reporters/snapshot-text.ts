import { describeScope } from '../core/exhaustion.ts'
import type { Finding } from '../core/findings/finding.ts'
import { describeFrame } from '../core/origin/origin.ts'
import { describePool } from '../core/pool-record.ts'
import type { CheckoutSnapshot, PoolSnapshot, Snapshot } from '../core/snapshot.ts'
import { describeMillis } from '../text/duration.ts'
import { oneLine } from '../text/safe-text.ts'
import { verdictOf } from './verdict.ts'

/** The limit of lines for holders, for waiting callers and for findings; the rest are counted. */
const mostLines = 10

/**
 * A snapshot as text for people: each pool, who holds its clients and since when, who waits, and the open findings. The
 * longest come first.
 *
 * @example
 * console.log(formatSnapshot(lifeguard.snapshot()))
 * // pool main: 2 of 10 clients out, 0 waiting
 * //   held for 4 min  idle in transaction for 4 min  src/orders.ts:31:24  GET /orders/:id  pid 2649
 * //   held for 12 ms  busy                           src/pay.ts:12:24     POST /pay        pid 2651
 * // leak: outlived-scope in pool main, src/orders.ts:31:24
 */
export function formatSnapshot({ pools, checkouts, findings }: Snapshot): string {
  if (pools.length === 0) return 'no pool is watched'
  const lines = pools.flatMap((pool) => {
    const own = checkouts.filter((checkout) => checkout.pool === pool.name)
    const waiting = own.filter(({ phase }) => phase === 'waiting')
    const holding = own.filter(({ phase }) => phase !== 'waiting')
    return [headline(pool), ...rows(holding, holderCells), ...rows(waiting, waiterCells)]
  })
  const open = findings.filter(({ resolvedAt }) => resolvedAt === undefined)
  return [...lines, ...limited(open.map(findingLine), '')].join('\n')
}

function headline({ name, out, max, waiting, ending }: PoolSnapshot): string {
  const all = max === undefined ? '' : ` of ${max}`
  return `${oneLine(describePool(name))}: ${out}${all} clients out, ${waiting} waiting${ending ? ', ending' : ''}`
}

function holderCells(checkout: CheckoutSnapshot): string[] {
  const { heldMillis, pid, exemption } = checkout
  const cells = [`held for ${describeMillis(heldMillis)}`, stateOf(checkout), ...placeCells(checkout)]
  if (pid !== undefined) cells.push(`pid ${pid}`)
  if (exemption !== undefined) cells.push(`exempt: ${exemption}`)
  return cells
}

function waiterCells(checkout: CheckoutSnapshot): string[] {
  return [`waits for ${describeMillis(checkout.waitedMillis)}`, '', ...placeCells(checkout)]
}

function placeCells({ origin, via, scope }: CheckoutSnapshot): string[] {
  return [origin === undefined ? via : describeFrame(origin), scope === undefined ? '' : describeScope(scope)]
}

function stateOf({ transaction, idleMillis }: CheckoutSnapshot): string {
  if (idleMillis === 0) return transaction === 'idle' ? 'busy' : 'busy in transaction'
  const idle = `for ${describeMillis(idleMillis)}`
  if (transaction === 'idle') return `idle ${idle}`
  return `idle in ${transaction === 'failed' ? 'failed ' : ''}transaction ${idle}`
}

/** In columns, as wide as their widest cell. */
function rows(
  checkouts: readonly CheckoutSnapshot[],
  cellsOf: (checkout: CheckoutSnapshot) => string[],
): string[] {
  const shown = checkouts.slice(0, mostLines).map((checkout) => cellsOf(checkout).map(oneLine))
  const widths: number[] = []
  for (const cells of shown) {
    for (const [column, cell] of cells.entries()) {
      widths[column] = Math.max(widths[column] ?? 0, cell.length)
    }
  }
  const lines = shown.map((cells) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .filter((cell) => cell !== '')
      .join('  ')
      .trimEnd(),
  )
  return limited(lines, '  ', checkouts.length)
}

function limited(lines: readonly string[], indent: string, count = lines.length): string[] {
  const shown = lines.slice(0, mostLines).map((line) => indent + line)
  return count > mostLines ? [...shown, `${indent}... and ${count - mostLines} more`] : shown
}

function findingLine(finding: Finding): string {
  const { kind, pool, origin, occurrences } = finding
  const verdict = verdictOf(finding)
  const place = origin === undefined ? '' : `, ${describeFrame(origin)}`
  const times = occurrences > 1 ? `, ${occurrences} times` : ''
  return oneLine(
    `${verdict === undefined ? '' : `${verdict}: `}${kind} in ${describePool(pool)}${place}${times}`,
  )
}
