import type { SessionReport } from '../../postgres/report/session-report.ts'
import { readApplicationName } from '../../sql/application-name.ts'
import { describeMillis } from '../../text/duration.ts'

/** The limit of similar sessions that are shown one by one. */
export const mostAlike = 3
/** The limit of pids that are named for folded sessions. */
const mostPids = 12

/** A key that is equal for sessions that do the same. */
export function likeness({
  application,
  user,
  database,
  state,
  waitsFor,
  query,
  origin,
}: Partial<SessionReport>): string {
  const name = application === undefined ? undefined : withoutProcess(application)
  // Without the tag, which may contain the trace of its request.
  const statement = query?.replaceAll(/\/\*.*?\*\//gs, '')
  return JSON.stringify([
    ...[name, user, database, state],
    ...[waitsFor?.mode, waitsFor?.target, statement, origin?.text],
  ])
}

/** An application's name without the process that its lifeguard may have added. */
export function withoutProcess(application: string): string {
  return readApplicationName(application)?.application ?? application
}

/** Groups of items with equal keys, in the order of their first items. */
export function groupsBy<Item>(items: readonly Item[], keyOf: (item: Item) => string): Item[][] {
  const groups = new Map<string, Item[]>()
  for (const item of items) {
    const key = keyOf(item)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [item])
    else group.push(item)
  }
  return [...groups.values()]
}

/** `pids 1, 2, 3 and 9 more`. */
export function pidsText(pids: readonly number[], most = mostPids): string {
  const more = pids.length > most ? ` and ${pids.length - most} more` : ''
  return `${pids.length === 1 ? 'pid' : 'pids'} ${pids.slice(0, most).join(', ')}${more}`
}

/** `30 s to 4 min`, or one of them if they read the same. */
export function rangeText(millis: readonly number[]): string {
  return [...new Set([Math.min(...millis), Math.max(...millis)].map(describeMillis))].join(' to ')
}

/** A report without the client, which would be misleading for folded sessions. */
export function withoutClient({ client: _, ...session }: SessionReport): SessionReport {
  return session
}
