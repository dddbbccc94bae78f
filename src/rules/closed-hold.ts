import type { SessionEnd } from '../core/checkout.ts'
import type { TimedRule } from '../core/findings/rule.ts'
import { describeMillis } from '../text/duration.ts'

/** The time that an owner which closes its client itself has to release it. */
export const closedMillis = 250

/**
 * The connection of a checked-out client is closed and the client not released. Either its owner has closed it, or it
 * was closed from outside and the limit of a hold has passed.
 */
export function closedHold(holdMillis: number | false): TimedRule {
  const limitOf = ({ byOwner }: SessionEnd) =>
    byOwner ? closedMillis : holdMillis || Number.POSITIVE_INFINITY

  return {
    kind: 'long-hold',
    certainty: 'certain',
    freesSlot: true,
    dueAt: ({ sessionEnd }) =>
      sessionEnd === undefined ? Number.POSITIVE_INFINITY : sessionEnd.at + limitOf(sessionEnd),
    judge({ sessionEnd }, now) {
      if (sessionEnd === undefined) return undefined
      const { at, how } = sessionEnd
      if (now - at < limitOf(sessionEnd)) return undefined
      return `its connection was closed ${describeMillis(now - at)} ago, and release was not called, so its slot stays taken: ${how}`
    },
  }
}
