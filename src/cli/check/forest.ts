import type { BlockingReport, CheckReport } from '../../postgres/report/server-report.ts'
import type { SessionReport } from '../../postgres/report/session-report.ts'
import { counted } from '../../text/layout.ts'
import { groupsBy, likeness, mostAlike, pidsText, rangeText, withoutClient } from '../report/alike.ts'
import { cureLines, pasteable, preparedCureLines } from '../report/cure-text.ts'
import { wrap } from '../report/layout.ts'
import { detailLines, preparedText, stateText, waitText } from '../report/session-text.ts'
import type { TextOptions } from '../report/text-options.ts'

/** Deeper levels are not indented further: a hundred levels would leave no room for the text. */
const deepest = 8

/** The blocking tree, roots first, each followed by the sessions behind it. */
export function forestLines(report: CheckReport, options: TextOptions): string[] {
  const nodes = new Map(report.blocking.map((node) => [node.id, node]))
  const shown = new Set<string>()
  const lines: string[] = []
  const starts = [...report.roots, ...startsOfCycles(report)].flatMap((id) => nodes.get(id) ?? [])
  for (const group of alike(starts)) {
    const isFolded = group.length > mostAlike && report.roots.includes(group[0]?.id ?? '')
    for (const roots of isFolded ? [group] : group.map((node) => [node])) {
      const [first] = roots
      if (first === undefined || shown.has(first.id)) continue
      for (const { id } of roots) shown.add(id)
      lines.push(
        '',
        ...(isFolded ? foldedRootLines(roots, report, options) : rootLines(first, report, options)),
      )
      lines.push(...elsewhereLines(first, shown, options))
      lines.push(...behindLines(first, 0, nodes, shown, options))
      lines.push(...(isFolded ? foldedCureLines(first, options) : rootCureLines(first, report, options)))
    }
  }
  return lines
}

/** The first node of each cycle, which has no root. */
function startsOfCycles({ blocking, roots }: CheckReport): string[] {
  return blocking.filter((node) => !node.roots.some((root) => roots.includes(root))).map(({ id }) => id)
}

function rootLines(node: BlockingReport, report: CheckReport, options: TextOptions): string[] {
  const { style, columns } = options
  const blocks = `blocks ${counted(countBehind(node, report), 'session')}`
  if (node.session === undefined) {
    return wrap(`${preparedText(node.prepared ?? { gid: '?' })}: ${blocks}`, columns, '', '  ')
  }
  const state = wrap(`${stateText(node.session)}: ${blocks}`, columns, ' '.repeat(node.id.length + 2), '  ')
  return [
    `${style(['bold', 'red'], node.id)}  ${state.join('\n').trimStart()}`,
    ...sessionLines(node.session, '  ', options),
  ]
}

/** Roots that do the same and block the same sessions, shown as one. */
function foldedRootLines(
  group: readonly BlockingReport[],
  report: CheckReport,
  options: TextOptions,
): string[] {
  const [first] = group
  if (first?.session === undefined) return []
  const { style, columns } = options
  const sessions = group.flatMap(({ session }) => session ?? [])
  const range = rangeText(sessions.map(({ stateMillis = 0 }) => stateMillis))
  const count = counted(countBehind(first, report), 'session')
  const text = `${style(['bold', 'red'], `${group.length} alike`)}, ${first.session.state} for ${range}: each blocks ${count}`
  return [
    ...wrap(text, columns, '', '  '),
    ...wrap(pidsText(sessions.map(({ pid }) => pid)), columns, '  '),
    ...detailLines(withoutClient(first.session), '  ', options),
  ]
}

function countBehind({ id }: BlockingReport, { blocking }: CheckReport): number {
  return blocking.filter((node) => node.id !== id && node.roots.includes(id)).length
}

/** A node that waits for several roots is shown behind the first; the other roots refer to it. */
function elsewhereLines(
  { blocks }: BlockingReport,
  shown: ReadonlySet<string>,
  { columns }: TextOptions,
): string[] {
  const before = blocks.filter((id) => shown.has(id))
  return before.length === 0 ? [] : wrap(`also blocks ${fewOf(before)}, shown above`, columns, '  ', '    ')
}

/** The nodes directly behind. Several that do the same are folded; a single one is not indented further. */
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
      const listed = isLong ? row : [node]
      for (const { id } of listed) shown.add(id)
      lines.push(
        ...(isLong
          ? foldedLines(row, 'one behind the other', indent, options)
          : nodeLines(node, parent, indent, options)),
        ...behindLines(listed.at(-1) ?? node, depth + 1, nodes, shown, options),
      )
    }
  }
  return lines
}

/** The nodes from this one on, while exactly one follows another and does the same. */
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
    if (likenessOf(next) !== likenessOf(node) || row.includes(next)) break
    row.push(next)
    at = next
  }
  return row
}

/** Groups of nodes that do the same, with the same blockers and the same nodes behind. */
function alike(nodes: readonly BlockingReport[]): BlockingReport[][] {
  return groupsBy(nodes, (node) =>
    JSON.stringify([likenessOf(node), node.behind.toSorted(), node.blocks.toSorted()]),
  )
}

function likenessOf({ session }: BlockingReport): string {
  return likeness(session ?? {})
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
  const pids = group.flatMap(({ session }) => session?.pid ?? [])
  const waits = group.map(({ session }) => session?.waitsFor?.millis ?? 0)
  const { waitsFor } = first.session
  const what = `${waitsFor?.mode === undefined ? '' : `${waitsFor.mode} on `}${waitsFor?.target ?? 'the same'}`
  return [
    `${indent}└─ ${style('bold', `${group.length} alike`)}, ${how}: wait ${rangeText(waits)} for ${what}`,
    ...wrap(pidsText(pids), columns, `${indent}     `),
    ...detailLines(withoutClient(first.session), `${indent}     `, options),
  ]
}

function fewOf(ids: readonly string[]): string {
  return ids.length > mostAlike ? `${ids.length} others` : ids.join(', ')
}

function sessionLines(session: SessionReport, indent: string, options: TextOptions): string[] {
  const wait = waitText(session)
  return [...(wait === undefined ? [] : [`${indent}${wait}`]), ...detailLines(session, indent, options)]
}

/** Advice on folded roots: one command ends all that block one session behind them. */
function foldedCureLines({ session, blocks }: BlockingReport, options: TextOptions): string[] {
  const blocked = blocks.flatMap((id) => /^pid (\d+)$/.exec(id)?.[1] ?? [])[0]
  if (session?.spared !== undefined) return cureLines(session, '  ', options)
  return blocked === undefined
    ? []
    : pasteable(`to end all that block pid ${blocked}:`, `--blocking ${blocked}`, '  ', options)
}

/** Advice on a root. */
function rootCureLines(node: BlockingReport, report: CheckReport, options: TextOptions): string[] {
  const { style, columns } = options
  const cycle = report.deadlocks.find((members) => members.includes(node.id))
  const say = (text: string) => wrap(text, columns, '  ', '    ').map((line) => style('cyan', line))
  if (cycle !== undefined) {
    return say(`a deadlock: ${cycle.join(', ')} wait for each other. Ending one of them frees the others`)
  }
  if (!report.roots.includes(node.id))
    return say('they wait for each other, but were seen only once: run check again')
  const { session, prepared } = node
  if (prepared !== undefined) return preparedCureLines(prepared, '  ', options)
  if (session === undefined) return []
  if (session.hidden) return report.missingGrant === undefined ? [] : say(`to see it: ${report.missingGrant}`)
  return cureLines(session, '  ', options)
}
