import { quoteText } from '../../postgres/quote.ts'
import { describeMillis } from '../../text/duration.ts'
import { counted } from '../../text/layout.ts'
import { wrap } from '../report/layout.ts'
import type { SessionReport } from '../report/session-report.ts'
import { detailLines, preparedText, stateText, type TextOptions, waitText } from '../report/session-text.ts'
import type { BlockingReport, CheckReport } from './report.ts'

/** As many that are alike are shown one by one. */
const mostAlike = 3
/** Deeper levels are no longer indented: a hundred of them would leave no room for the text. */
const deepest = 8
/** As many pids of those that are folded are named. */
const mostPids = 12

/** Who blocks whom, roots first, each with the line behind it. */
export function forestLines(report: CheckReport, options: TextOptions): string[] {
  const nodes = new Map(report.blocking.map((node) => [node.id, node]))
  const shown = new Set<string>()
  const lines: string[] = []
  const starts = [...report.roots, ...startsOfCycles(report)]
  for (const id of starts) {
    const node = nodes.get(id)
    if (node === undefined || shown.has(id)) continue
    lines.push('', ...rootLines(node, report, options))
    shown.add(id)
    lines.push(...elsewhereLines(node, shown, options))
    lines.push(...behindLines(node, 0, nodes, shown, options))
    lines.push(...cureLines(node, report, options))
  }
  return lines
}

/** Whoever waits for each other has no root: the first of each cycle stands for it. */
function startsOfCycles({ blocking, roots }: CheckReport): string[] {
  return blocking.filter((node) => !node.roots.some((root) => roots.includes(root))).map(({ id }) => id)
}

function rootLines(node: BlockingReport, report: CheckReport, options: TextOptions): string[] {
  const { style, columns } = options
  const count = report.blocking.filter(({ id, roots }) => id !== node.id && roots.includes(node.id)).length
  const blocks = `blocks ${counted(count, 'session')}`
  if (node.session === undefined) {
    return wrap(`${preparedText(node.prepared ?? { gid: '?' })}: ${blocks}`, columns, '', '  ')
  }
  const state = wrap(`${stateText(node.session)}: ${blocks}`, columns, ' '.repeat(node.id.length + 2), '  ')
  return [
    `${style(['bold', 'red'], node.id)}  ${state.join('\n').trimStart()}`,
    ...sessionLines(node.session, '  ', options),
  ]
}

/** Whoever waits for several roots is shown behind the first of them. */
function elsewhereLines(
  { blocks }: BlockingReport,
  shown: ReadonlySet<string>,
  { columns }: TextOptions,
): string[] {
  const before = blocks.filter((id) => shown.has(id))
  return before.length === 0
    ? []
    : wrap(`also in front of ${fewOf(before)}, shown above`, columns, '  ', '    ')
}

/** Those directly behind. Several that are alike are folded; one who is alone behind another goes on in the same place. */
function behindLines(
  parent: BlockingReport,
  depth: number,
  nodes: ReadonlyMap<string, BlockingReport>,
  shown: Set<string>,
  options: TextOptions,
): string[] {
  const indent = '  '.repeat(Math.min(depth, deepest))
  const lines: string[] = []
  const children = parent.blocks.flatMap((id) => nodes.get(id) ?? [])
  for (const group of alike(children.filter(({ id }) => !shown.has(id)))) {
    const first = group[0]
    if (first === undefined || shown.has(first.id)) continue
    if (group.length > mostAlike) {
      for (const { id } of group) shown.add(id)
      lines.push(
        ...foldedLines(group, 'side by side', indent, options),
        ...behindLines(first, depth + 1, nodes, shown, options),
      )
      continue
    }
    for (const node of group) {
      if (shown.has(node.id)) continue
      const row = rowOf(node, nodes, shown)
      const isLong = row.length > mostAlike
      const told = isLong ? row : [node]
      for (const { id } of told) shown.add(id)
      lines.push(
        ...(isLong
          ? foldedLines(row, 'one behind the other', indent, options)
          : nodeLines(node, parent, indent, options)),
        ...behindLines(told.at(-1) ?? node, depth + 1, nodes, shown, options),
      )
    }
  }
  return lines
}

/** From this one on, as long as exactly one stands behind the other and does the same. */
function rowOf(
  node: BlockingReport,
  nodes: ReadonlyMap<string, BlockingReport>,
  shown: ReadonlySet<string>,
): BlockingReport[] {
  const row = [node]
  for (let at: BlockingReport | undefined = node; at !== undefined; ) {
    const [id, ...others]: readonly string[] = at.blocks
    const next: BlockingReport | undefined = id === undefined ? undefined : nodes.get(id)
    if (next === undefined || others.length > 0 || next.behind.length > 1 || shown.has(next.id)) break
    if (likeness(next) !== likeness(node) || row.includes(next)) break
    row.push(next)
    at = next
  }
  return row
}

/** Groups of those that do the same in the same place: behind the same, and in front of the same. */
function alike(nodes: readonly BlockingReport[]): BlockingReport[][] {
  const groups = new Map<string, BlockingReport[]>()
  for (const node of nodes) {
    const key = JSON.stringify([likeness(node), node.behind.toSorted(), node.blocks.toSorted()])
    groups.set(key, [...(groups.get(key) ?? []), node])
  }
  return [...groups.values()]
}

function likeness({ session }: BlockingReport): string {
  const { application, user, database, state, waitsFor, query } = session ?? ({} as Partial<SessionReport>)
  return JSON.stringify([application, user, database, state, waitsFor?.mode, waitsFor?.target, query])
}

function nodeLines(
  node: BlockingReport,
  parent: BlockingReport,
  indent: string,
  options: TextOptions,
): string[] {
  const { style, columns } = options
  const { session } = node
  if (session === undefined) return []
  const others = node.behind.filter((id) => id !== parent.id)
  const also = others.length === 0 ? '' : `, also behind ${fewOf(others)}`
  const text = `${waitText(session) ?? stateText(session)}${also}`
  const rest = wrap(text, columns, `${indent}   ${' '.repeat(node.id.length)}  `, `${indent}     `)
  return [
    `${indent}└─ ${style('bold', node.id)}  ${rest.join('\n').trimStart()}`,
    ...detailLines(session, `${indent}     `, options),
  ]
}

function foldedLines(
  group: readonly BlockingReport[],
  how: string,
  indent: string,
  options: TextOptions,
): string[] {
  const { style, columns } = options
  const [first] = group
  if (first?.session === undefined) return []
  const pids = group.map(({ session }) => session?.pid)
  const more = pids.length > mostPids ? ` and ${pids.length - mostPids} more` : ''
  const waits = group.map(({ session }) => session?.waitsFor?.millis ?? 0)
  const { waitsFor } = first.session
  const what = `${waitsFor?.mode === undefined ? '' : `${waitsFor.mode} on `}${waitsFor?.target ?? 'the same'}`
  const range = [...new Set([Math.min(...waits), Math.max(...waits)].map(describeMillis))].join(' to ')
  return [
    `${indent}└─ ${style('bold', `${group.length} alike`)}, ${how}: wait ${range} for ${what}`,
    ...wrap(`pids ${pids.slice(0, mostPids).join(', ')}${more}`, columns, `${indent}     `),
    ...detailLines(withoutClient(first.session), `${indent}     `, options),
  ]
}

function fewOf(ids: readonly string[]): string {
  return ids.length > mostAlike ? `${ids.length} others` : ids.join(', ')
}

/** Of many, one client would mislead. */
function withoutClient({ client: _, ...session }: SessionReport): SessionReport {
  return session
}

function sessionLines(session: SessionReport, indent: string, options: TextOptions): string[] {
  const wait = waitText(session)
  return [...(wait === undefined ? [] : [`${indent}${wait}`]), ...detailLines(session, indent, options)]
}

/** What would end it, for whoever is at the very front. */
function cureLines(node: BlockingReport, report: CheckReport, { style, columns }: TextOptions): string[] {
  const cycle = report.deadlocks.find((members) => members.includes(node.id))
  const say = (text: string) => wrap(text, columns, '  ', '    ').map((line) => style('cyan', line))
  if (cycle !== undefined) {
    return say(`a deadlock: ${cycle.join(', ')} wait for each other. Ending one of them frees the others`)
  }
  if (!report.roots.includes(node.id)) return say('they wait for each other, seen once: look again')
  const { session, prepared } = node
  if (session === undefined) {
    return prepared === undefined || prepared.gid === '?'
      ? []
      : say(
          `to end it, in database ${prepared.database}: ROLLBACK PREPARED ${quoteText(prepared.gid)}; or COMMIT PREPARED`,
        )
  }
  if (session.hidden) return report.missingGrant === undefined ? [] : say(`to see it: ${report.missingGrant}`)
  if (session.backendType?.startsWith('autovacuum'))
    return say('autovacuum gives way by itself within a second or so')
  if (session.backendType !== undefined) return []
  return say(
    session.state === 'active'
      ? `to cancel its statement: pg-lifeguard terminate --pid ${session.pid} --cancel`
      : `to end it: pg-lifeguard terminate --pid ${session.pid}`,
  )
}
