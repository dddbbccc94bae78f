import type {
  PageCheckout,
  PageFinding,
  PageLevels,
  PagePool,
  PageServer,
} from '../src/page/view/page-data.ts'
import type { Filter } from './settings.ts'
import { groupBy, labelOf } from './words.ts'

/** A piece of a lane, from 0 to 1 of its width. */
export interface Bar {
  readonly key: string
  readonly from: number
  readonly to: number
  readonly label: string
  readonly isLeak: boolean
  readonly isSuspected: boolean
  readonly isOpen: boolean
  /** Its transactions, in the same measure. */
  readonly transactions: readonly (readonly [from: number, to: number])[]
  readonly checkout: PageCheckout
  /** The number of checkouts that were too narrow to be drawn by themselves. */
  readonly count: number
}

export interface Lane {
  readonly slot: number
  readonly bars: readonly Bar[]
  /** The checkout that is out now. */
  readonly open?: PageCheckout
  readonly finding?: PageFinding
}

/** One pool as the page shows it. */
export interface PoolModel {
  readonly pool: PagePool
  readonly lanes: readonly Lane[]
  readonly waits: readonly Bar[]
  readonly waiting: readonly PageCheckout[]
  readonly findings: readonly PageFinding[]
  readonly levels: readonly (readonly [at: number, used: number, waiting: number])[]
}

export interface Span {
  readonly from: number
  readonly to: number
}

/** Bars below this share of the width are joined with their neighbours. */
const narrowest = 0.004

export function isOpen(finding: PageFinding): boolean {
  return finding.resolvedAt === undefined
}

export function openFindings(findings: Iterable<PageFinding>): PageFinding[] {
  return [...findings].filter(isOpen)
}

/** The open leaks first, then what is suspected, then what has resolved; each the newest first. */
export function byUrgency(one: PageFinding, other: PageFinding): number {
  return urgency(one) - urgency(other) || other.openedAt - one.openedAt
}

function urgency(finding: PageFinding): number {
  if (!isOpen(finding)) return 3
  return finding.isLeak ? 0 : finding.certainty === 'certain' ? 1 : 2
}

/** Findings of one mistake in one pool, which are open or not: one row of the list. */
export interface FindingGroup {
  /** The newest of them. */
  readonly finding: PageFinding
  readonly others: readonly PageFinding[]
}

/** The groups, those that need to be looked at first. `chosen` is the finding that represents its group. */
export function findingGroups(findings: readonly PageFinding[], chosen: string | undefined): FindingGroup[] {
  const groups = groupBy(findings.toSorted(byUrgency), (finding) =>
    JSON.stringify([finding.pool, finding.fingerprint, isOpen(finding)]),
  )
  return [...groups.values()].flatMap((all): FindingGroup[] => {
    const finding = all.find(({ id }) => id === chosen) ?? all[0]
    return finding === undefined ? [] : [{ finding, others: all.filter((one) => one !== finding) }]
  })
}

export function matches(filter: Filter, finding: PageFinding): boolean {
  const { text, pool, route, kind } = filter
  if (pool !== '' && finding.pool !== pool) return false
  if (route !== '' && finding.route !== route) return false
  if (kind !== '' && finding.kind !== kind) return false
  return hasText(text, [
    finding.kind,
    finding.pool,
    finding.place,
    finding.route,
    finding.hint,
    finding.lastQuery,
  ])
}

export function matchesCheckout(
  { text, pool, route, kind }: Filter,
  checkout: PageCheckout,
  findings: readonly PageFinding[],
): boolean {
  if (pool !== '' && checkout.pool !== pool) return false
  if (route !== '' && checkout.route !== route) return false
  if (kind !== '' && !findings.some((finding) => finding.kind === kind)) return false
  return hasText(text, [
    checkout.route,
    checkout.place,
    checkout.pool,
    checkout.now?.lastQuery,
    checkout.scopeId,
  ])
}

function hasText(text: string, parts: readonly (string | undefined)[]): boolean {
  const wanted = text.trim().toLowerCase()
  return wanted === '' || parts.some((part) => part?.toLowerCase().includes(wanted) === true)
}

export interface PoolSources {
  readonly pools: readonly PagePool[]
  readonly checkouts: readonly PageCheckout[]
  readonly findings: readonly PageFinding[]
  readonly levels: readonly PageLevels[]
}

/** The pools with their lanes in a span of time, those with trouble first. */
export function poolModels(
  { pools, checkouts, findings, levels }: PoolSources,
  filter: Filter,
  span: Span,
): PoolModel[] {
  const byCheckout = groupBy(findings, ({ checkout }) => checkout)
  const byPool = groupBy(checkouts, ({ pool }) => pool)
  const findingsByPool = groupBy(findings, ({ pool }) => pool)
  const levelsByPool = groupBy(levels, ({ pool }) => pool)
  return pools
    .filter(({ id }) => filter.pool === '' || id === filter.pool)
    .map((pool) => {
      const all = (byPool.get(pool.id) ?? []).filter(
        ({ endedAt }) => endedAt === undefined || endedAt >= span.from,
      )
      const shown = all.filter((one) => matchesCheckout(filter, one, byCheckout.get(one.id) ?? []))
      const isFiltered = filter.text !== '' || filter.route !== '' || filter.kind !== ''
      return {
        pool,
        lanes: lanesOf(shown, byCheckout, span, isFiltered),
        waits: waitsOf(shown, span),
        waiting: shown.filter(isWaiting).toSorted((one, other) => one.requestedAt - other.requestedAt),
        findings: (findingsByPool.get(pool.id) ?? []).filter(isOpen),
        levels: (levelsByPool.get(pool.id) ?? [])
          .flatMap((piece) => piece.levels)
          .filter(([at]) => at >= span.from)
          .toSorted(([one], [other]) => one - other),
      }
    })
    .filter(
      ({ lanes, waits }) =>
        (filter.text === '' && filter.route === '' && filter.kind === '') || lanes.length + waits.length > 0,
    )
    .toSorted((one, other) => trouble(other) - trouble(one) || compare(one.pool.id, other.pool.id))
}

export function isWaiting({ acquiredAt, endedAt }: PageCheckout): boolean {
  return acquiredAt === undefined && endedAt === undefined
}

/** How much a pool needs to be looked at: leaks, then waiting callers, then suspicions. */
export function trouble({ findings, pool }: PoolModel): number {
  const leaks = findings.filter(({ isLeak }) => isLeak).length
  return leaks * 1_000 + pool.waiting * 10 + (findings.length - leaks) * 100
}

function lanesOf(
  checkouts: readonly PageCheckout[],
  findings: ReadonlyMap<string, PageFinding[]>,
  span: Span,
  isFiltered: boolean,
): Lane[] {
  const bySlot = new Map<number, PageCheckout[]>()
  for (const checkout of checkouts) {
    if (checkout.slot === undefined || checkout.acquiredAt === undefined) continue
    const lane = bySlot.get(checkout.slot)
    if (lane === undefined) bySlot.set(checkout.slot, [checkout])
    else lane.push(checkout)
  }
  const lanes = [...bySlot].map(([slot, all]): Lane => {
    const open = all.find(({ endedAt }) => endedAt === undefined)
    const finding = open && (findings.get(open.id) ?? []).filter(isOpen).toSorted(byUrgency)[0]
    return {
      slot,
      bars: barsOf(all, findings, span),
      ...(open === undefined ? {} : { open }),
      ...(finding === undefined ? {} : { finding }),
    }
  })
  return lanes
    .filter(({ bars }) => !isFiltered || bars.length > 0)
    .toSorted((one, other) => one.slot - other.slot)
}

function barsOf(
  checkouts: readonly PageCheckout[],
  findings: ReadonlyMap<string, PageFinding[]>,
  span: Span,
): Bar[] {
  const bars: Bar[] = []
  const sorted = checkouts.toSorted((one, other) => (one.acquiredAt ?? 0) - (other.acquiredAt ?? 0))
  for (const checkout of sorted) {
    const { acquiredAt = span.to, endedAt = span.to } = checkout
    const about = findings.get(checkout.id) ?? []
    const bar: Bar = {
      key: checkout.id,
      from: share(acquiredAt, span),
      to: share(endedAt, span),
      label: labelOf(checkout),
      isLeak: about.some(({ isLeak }) => isLeak),
      isSuspected: about.length > 0,
      isOpen: checkout.endedAt === undefined,
      transactions: checkout.transactions.map(
        ([from, to]) => [share(from, span), share(to ?? endedAt, span)] as const,
      ),
      checkout,
      count: 1,
    }
    const last = bars.at(-1)
    if (last !== undefined && isJoinable(last, bar)) {
      bars[bars.length - 1] = { ...last, to: bar.to, count: last.count + 1, transactions: [] }
    } else bars.push(bar)
  }
  return bars
}

/** Whether two bars are so narrow and close that they look like one. */
function isJoinable(last: Bar, next: Bar): boolean {
  const isSame = last.label === next.label && !last.isSuspected && !next.isSuspected && !next.isOpen
  return (
    isSame &&
    next.to - next.from < narrowest &&
    next.from - last.to < narrowest &&
    last.to - last.from < 5 * narrowest
  )
}

function waitsOf(checkouts: readonly PageCheckout[], span: Span): Bar[] {
  return checkouts
    .filter(({ queued, acquiredAt, endedAt }) => queued && (acquiredAt ?? endedAt ?? span.to) >= span.from)
    .map((checkout) => ({
      key: checkout.id,
      from: share(checkout.requestedAt, span),
      to: share(checkout.acquiredAt ?? checkout.endedAt ?? span.to, span),
      label: labelOf(checkout),
      isLeak: false,
      isSuspected: checkout.ending !== undefined,
      isOpen: isWaiting(checkout),
      transactions: [],
      checkout,
      count: 1,
    }))
    .filter(({ from, to }) => to - from >= narrowest / 4)
}

function share(at: number, { from, to }: Span): number {
  return Math.min(1, Math.max(0, (at - from) / (to - from)))
}

/** What the server's view says first: the root that blocks most. */
export function worstRoot({
  report,
}: PageServer): { readonly id: string; readonly blocks: number } | undefined {
  const [id] = report?.roots ?? []
  if (report === undefined || id === undefined) return undefined
  return { id, blocks: report.blocking.filter((node) => node.id !== id && node.roots.includes(id)).length }
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0
}
