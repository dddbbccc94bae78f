import { describeScope } from '../core/exhaustion.ts'
import { describeFrame } from '../core/origin/origin.ts'
import { describePool } from '../core/pool-record.ts'
import type { HoldStatistics, Statistics } from '../core/statistics/statistics.ts'
import { describeMillis } from '../text/duration.ts'
import { oneLine } from '../text/safe-text.ts'

/** The limit of rows; the rest are counted. */
const mostRows = 20

const header = [
  'checkouts',
  'p50',
  'p95',
  'p99',
  'max',
  'in total',
  'in the database',
  'outside, in a transaction',
]

/** Statistics as tables: pools, lines of source and scopes, the longest total hold first. */
export function statisticsText(statistics: Statistics): string {
  const { pools, origins, scopes, estimated } = statistics
  if (pools.length === 0) return 'no client has been checked out\n'
  const sections = [
    table('pool', pools, ({ pool }) => pool),
    table('line', origins, ({ origin }) => (origin === undefined ? '(other lines)' : describeFrame(origin))),
    table('scope', scopes, ({ scope }) => (scope === undefined ? '(other)' : describeScope(scope))),
  ]
  const recommendations = recommendationsOf(statistics)
  if (recommendations.length > 0) sections.push(recommendations.join('\n'))
  if (estimated)
    sections.push('Lines and scopes are estimated from a sample, because there were many short checkouts.')
  return `${sections.join('\n\n')}\n`
}

function table<Row extends HoldStatistics & { readonly pool: string }>(
  title: string,
  rows: readonly Row[],
  nameOf: (row: Row) => string,
): string {
  const severalPools = title !== 'pool' && new Set(rows.map(({ pool }) => pool)).size > 1
  const shown = rows.slice(0, mostRows).map((row) => {
    const name = severalPools ? `${nameOf(row)}, ${describePool(row.pool)}` : nameOf(row)
    return [oneLine(name), ...cells(row)]
  })
  const lines = [[title, ...header], ...shown]
  const widths = header.map((_, column) => Math.max(...lines.map((line) => (line[column + 1] ?? '').length)))
  const first = Math.max(...lines.map(([name = '']) => name.length))
  const text = lines.map(([name = '', ...values]) =>
    [name.padEnd(first), ...values.map((value, column) => value.padStart(widths[column] ?? 0))].join('  '),
  )
  if (rows.length > mostRows) text.push(`... and ${rows.length - mostRows} more`)
  return text.join('\n')
}

function cells(row: HoldStatistics): string[] {
  const { checkouts, heldMillis, busyMillis, busyShare, outsideMillis } = row
  return [
    String(checkouts),
    ...[row.p50Millis, row.p95Millis, row.p99Millis, row.maxMillis, heldMillis].map(describeMillis),
    busyMillis === 0 ? '-' : `${Math.round(busyShare * 100)} %`,
    outsideMillis === 0 ? '-' : describeMillis(outsideMillis),
  ]
}

function recommendationsOf({ pools, scopes }: Statistics): string[] {
  const rows = [
    ...pools.map(({ pool, recommended }) => ({ name: describePool(pool), recommended })),
    ...scopes
      .slice(0, mostRows)
      .flatMap(({ scope, recommended }) =>
        scope === undefined ? [] : [{ name: describeScope(scope), recommended }],
      ),
  ]
  return rows.flatMap(({ name, recommended }) => {
    const values = Object.entries(recommended).map(([option, value]) => `${option}: ${value}`)
    return values.length === 0 ? [] : [`Recommended for ${oneLine(name)}: { ${values.join(', ')} }`]
  })
}
