import type { Concern } from './concerns.ts'

/** A reported concern that still exists. */
export interface Seen {
  readonly concern: Concern
  /** The time at which it was first seen. */
  readonly sinceMillis: number
  /** The last reported state. */
  readonly reported: Concern
}

export type Change =
  | { readonly event: 'appeared' | 'escalated'; readonly concern: Concern }
  /** It no longer exists. `lastedMillis` is the time that it was seen. */
  | { readonly event: 'cleared'; readonly concern: Concern; readonly lastedMillis: number }

export type SeenConcerns = ReadonlyMap<string, Seen>

/** The minimum step: a doubled duration is worth another event, but not for short ones. */
const leastStepMillis = 30_000

/** The changes since the previous look. `seen` contains exactly the present concerns afterwards. */
export function changesBetween(
  before: SeenConcerns,
  concerns: ReadonlyMap<string, Concern>,
  nowMillis: number,
): { readonly changes: readonly Change[]; readonly seen: SeenConcerns } {
  const changes: Change[] = []
  const seen = new Map<string, Seen>()
  for (const [key, { concern, sinceMillis }] of before) {
    if (concerns.has(key)) continue
    changes.push({ event: 'cleared', concern, lastedMillis: Math.max(0, nowMillis - sinceMillis) })
  }
  for (const [key, concern] of concerns) {
    const known = before.get(key)
    const event =
      known === undefined ? 'appeared' : isWorse(concern, known.reported) ? 'escalated' : undefined
    if (event !== undefined) changes.push({ event, concern })
    seen.set(key, {
      concern,
      sinceMillis: known?.sinceMillis ?? nowMillis,
      reported: event === undefined ? (known?.reported ?? concern) : concern,
    })
  }
  return { changes, seen }
}

/** Whether it began to block, blocks twice as many, or has lasted twice as long. */
function isWorse(now: Concern, reported: Concern): boolean {
  if (now.kind !== reported.kind) return now.kind === 'blocks' || now.kind === 'deadlock'
  if (now.blocked >= 2 * Math.max(reported.blocked, 1)) return true
  return now.millis >= 2 * reported.millis && now.millis - reported.millis >= leastStepMillis
}
