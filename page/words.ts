import type { PageCheckout } from '../src/page/view/page-data.ts'
import { describeMillis } from '../src/text/duration.ts'

export function labelOf({ route, place, pid, id }: PageCheckout): string {
  return route ?? place ?? (pid === undefined ? `checkout ${id}` : `pid ${pid}`)
}

/** `idle in transaction for 4 min`, `running a statement for 2 s`. */
export function stateOf(checkout: PageCheckout, now: number): string {
  const { now: present, acquiredAt, requestedAt } = checkout
  if (acquiredAt === undefined) return `waiting for ${duration(now - requestedAt)}`
  if (present === undefined) return `out for ${duration(now - acquiredAt)}`
  const { transaction, idleSince } = present
  if (present.phase === 'destroyed') return 'taken back, not released yet'
  if (idleSince === undefined) return `running a statement, out for ${duration(now - acquiredAt)}`
  const idle = duration(now - idleSince)
  if (transaction === 'open') return `idle in transaction for ${idle}`
  if (transaction === 'failed') return `idle in a failed transaction for ${idle}`
  return `idle for ${idle}, out for ${duration(now - acquiredAt)}`
}

/** Seconds are enough for what people see change each second. */
export function duration(millis: number): string {
  const positive = Math.max(0, millis)
  return describeMillis(positive < 1_000 ? positive : Math.floor(positive / 1_000) * 1_000)
}

/** `GET /cart (5), POST /pay (2)`, the most frequent first. */
export function countsOf(labels: readonly string[], most = 3): string {
  const counts = [...groupBy(labels, (label) => label)]
    .map(([label, all]) => [label, all.length] as const)
    .toSorted(([, one], [, other]) => other - one)
  const rest = counts.slice(most).reduce((sum, [, count]) => sum + count, 0)
  const named = counts.slice(0, most).map(([label, count]) => (count === 1 ? label : `${label} (${count})`))
  return [...named, ...(rest === 0 ? [] : [`${rest} more`])].join(', ')
}

/** A color for each name, the same on every page. */
export function hueOf(name: string): number {
  let hash = 2_166_136_261
  for (let at = 0; at < name.length; at += 1) hash = Math.imul(hash ^ name.charCodeAt(at), 16_777_619)
  // Without the hues of red, which mean a leak.
  return 60 + ((hash >>> 0) % 26) * 11
}

export function groupBy<Item>(items: Iterable<Item>, keyOf: (item: Item) => string): Map<string, Item[]> {
  const groups = new Map<string, Item[]>()
  for (const item of items) {
    const key = keyOf(item)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [item])
    else group.push(item)
  }
  return groups
}
