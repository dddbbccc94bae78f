import type { CheckoutData } from '../core/checkout.ts'
import type { Finding, Holder } from '../core/findings/finding.ts'
import type { Frame, Origin } from '../core/origin/origin.ts'
import { ownFrames } from '../core/origin/own-frames.ts'
import type { ScopeData } from '../core/scope.ts'
import type { Statistics } from '../core/statistics/statistics.ts'

/** Log collectors truncate or drop lines beyond 8 kB; the rest is for the message and the logger's own fields. */
const mostBytes = 6_800
const mostMessageBytes = 600

/** A level of detail for a finding in one line. */
interface Detail {
  readonly frames: number
  /** The limit of texts: a statement, a hint, a name. */
  readonly text: number
  /** True if holders include their statement, the function and the request's id. */
  readonly holdersInFull: boolean
  /** The limit of paths, whose end is shown; a fingerprint has twice the limit. */
  readonly path: number
  readonly attributes: number
}

/** The levels of detail; the first with which a line fits is used. */
const details: readonly [Detail, ...Detail[]] = [
  { frames: 10, text: 1_000, holdersInFull: true, path: 400, attributes: 20 },
  { frames: 5, text: 500, holdersInFull: false, path: 400, attributes: 10 },
  { frames: 1, text: 200, holdersInFull: false, path: 400, attributes: 5 },
  { frames: 1, text: 40, holdersInFull: false, path: 80, attributes: 0 },
]

/** A finding that fits in a log line: short holders, only frames of the user's code, long texts truncated. */
export function compactFinding(finding: Finding): Finding {
  for (const detail of details) {
    const compact = withDetail(finding, detail)
    if (bytesOf(compact) <= mostBytes) return compact
  }
  return withFewerHolders(withDetail(finding, details.at(-1) ?? details[0]))
}

/** Statistics that fit in a log line: the rows with the longest total holds. */
export function compactStatistics(statistics: Statistics): Statistics {
  const { pools, origins, scopes } = statistics
  for (const most of [20, 10, 5, 3, 1]) {
    const shown = <Row>(rows: readonly Row[]) => rows.slice(0, most)
    const compact = {
      ...statistics,
      pools: shown(pools),
      origins: shown(origins),
      scopes: shown(scopes).map(({ scope, ...row }) =>
        scope === undefined ? row : { ...row, scope: { ...scope, name: cut(scope.name, 100) } },
      ),
    }
    if (bytesOf(compact) <= mostBytes) return compact
  }
  return { ...statistics, pools: pools.slice(0, 1), origins: [], scopes: [] }
}

function withDetail(finding: Finding, detail: Detail): Finding {
  const { checkout, origin, transactionOrigin, eventOrigin, scope, left, holders } = finding
  const { hint, aftermath, outcomeDetail, resolution, pool, fingerprint } = finding
  const text = (value: string) => cut(value, detail.text)
  return {
    ...finding,
    pool: text(pool),
    fingerprint: cut(fingerprint, 2 * detail.path),
    hint: text(hint),
    checkout: compactCheckout(checkout, detail),
    ...(aftermath === undefined ? {} : { aftermath: text(aftermath) }),
    ...(outcomeDetail === undefined ? {} : { outcomeDetail: text(outcomeDetail) }),
    ...(resolution === undefined ? {} : { resolution: text(resolution) }),
    ...(origin === undefined ? {} : { origin: compactOrigin(origin, detail) }),
    ...(transactionOrigin === undefined
      ? {}
      : { transactionOrigin: compactOrigin(transactionOrigin, detail) }),
    ...(eventOrigin === undefined ? {} : { eventOrigin: compactOrigin(eventOrigin, detail) }),
    ...(scope === undefined ? {} : { scope: compactScope(scope, detail) }),
    ...(left === undefined ? {} : { left: left.slice(0, 20).map(text) }),
    ...(holders === undefined ? {} : { holders: holders.map((holder) => compactHolder(holder, detail)) }),
  }
}

function compactCheckout(checkout: CheckoutData, { text }: Detail): CheckoutData {
  const { lastQuery, exemption } = checkout
  return {
    ...checkout,
    ...(lastQuery === undefined ? {} : { lastQuery: cut(lastQuery, text) }),
    ...(exemption === undefined ? {} : { exemption: cut(exemption, text) }),
  }
}

function compactOrigin(origin: Origin, detail: Detail): Origin {
  const frames = ownFrames(origin).slice(0, detail.frames)
  return {
    ...compactFrame(origin, detail),
    frames: frames.map((frame) => compactFrame(frame, detail)),
    ...(origin.callersVary === undefined ? {} : { callersVary: origin.callersVary }),
    ...(origin.isUsual === undefined ? {} : { isUsual: origin.isUsual }),
  }
}

function compactFrame({ file, line, column, functionName }: Frame, { text, path }: Detail): Frame {
  return {
    file: file.length > path ? `...${file.slice(-path)}` : file,
    line,
    column,
    ...(functionName === undefined ? {} : { functionName: cut(functionName, text) }),
  }
}

function compactScope(scope: ScopeData, detail: Detail): ScopeData {
  const { text } = detail
  const { name, id, attributes, ending } = scope
  return {
    ...scope,
    kind: cut(scope.kind, text),
    name: cut(name, text),
    ...(id === undefined ? {} : { id: cut(id, text) }),
    ...(ending === undefined ? {} : { ending: cut(ending, text) }),
    ...(attributes === undefined ? {} : { attributes: compactAttributes(attributes, detail) }),
  }
}

function compactAttributes(
  attributes: NonNullable<ScopeData['attributes']>,
  { text, attributes: most }: Detail,
) {
  const shown = Object.entries(attributes).slice(0, most)
  return Object.fromEntries(
    shown.map(([name, value]) => [cut(name, text), typeof value === 'string' ? cut(value, text) : value]),
  )
}

/** A holder's session, state and line, without stack and history. */
function compactHolder(holder: Holder, detail: Detail): Holder {
  const { via, phase, pid, heldMillis, transaction, idleMillis, lastQuery, exemption } = holder
  const text = (value: string) => cut(value, Math.min(detail.text, 80))
  return {
    via,
    ...(phase === undefined || phase === 'out' ? {} : { phase }),
    ...(pid === undefined ? {} : { pid }),
    ...(heldMillis === undefined ? {} : { heldMillis }),
    ...(transaction === undefined ? {} : { transaction }),
    ...(idleMillis === undefined ? {} : { idleMillis }),
    ...(lastQuery === undefined || !detail.holdersInFull ? {} : { lastQuery: text(lastQuery) }),
    ...(exemption === undefined ? {} : { exemption: text(exemption) }),
    ...holderPlace(holder, detail),
    ...holderScope(holder, detail),
  }
}

function holderPlace({ origin, transactionOrigin }: Holder, detail: Detail): Partial<Holder> {
  const main = origin ?? transactionOrigin
  if (main === undefined) return {}
  const { functionName, ...place } = compactFrame(main, { ...detail, text: 80 })
  const named = functionName === undefined || !detail.holdersInFull ? {} : { functionName }
  return { [origin === undefined ? 'transactionOrigin' : 'origin']: { ...place, ...named, frames: [] } }
}

function holderScope({ scope }: Holder, detail: Detail): Partial<Holder> {
  if (scope === undefined) return {}
  const text = (value: string) => cut(value, Math.min(detail.text, 80))
  const { kind, name, id } = scope
  const identified = id === undefined || !detail.holdersInFull ? {} : { id: text(id) }
  return { scope: { kind: text(kind), name: text(name), ...identified } }
}

/** Drops the last holders; the first have held longest. */
function withFewerHolders(finding: Finding): Finding {
  const { holders = [] } = finding
  for (let count = holders.length; count > 0; count--) {
    const shorter = { ...finding, holders: holders.slice(0, count) }
    if (bytesOf(shorter) <= mostBytes) return shorter
  }
  return finding.holders === undefined ? finding : { ...finding, holders: [] }
}

/** The message of a log line. */
export function compactMessage(text: string): string {
  const bytes = Buffer.from(text)
  if (bytes.length <= mostMessageBytes) return text
  // A truncated character becomes the replacement character.
  return `${bytes.toString('utf8', 0, mostMessageBytes).replace(/\ufffd$/, '')}...`
}

function bytesOf(data: object): number {
  return Buffer.byteLength(JSON.stringify(data))
}

/** Truncates a text, and appends three dots. */
export function cut(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most)}...` : text
}
