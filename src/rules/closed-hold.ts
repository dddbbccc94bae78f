import type { Checkout } from '../core/checkout.ts'
import type { Rule } from '../core/findings/rule.ts'
import { describeMillis } from '../text/duration.ts'

/** The time that an owner which closes its client itself has to release it. */
export const closedMillis = 250

/**
 * The connection of a checked-out client is closed and the client not released. Either its owner has closed it, or it
 * was closed from outside and the limit of a hold has passed.
 */
export function closedHold(holdMillis: number | false): Rule<Checkout> {
  return {
    kind: 'long-hold',
    certainty: 'certain',
    freesSlot: true,
    judge({ sessionEnd }, now) {
      if (sessionEnd === undefined) return undefined
      const { at, how, byOwner } = sessionEnd
      const limitMillis = byOwner ? closedMillis : holdMillis
      if (limitMillis === false || now - at < limitMillis) return undefined
      return `its connection was closed ${describeMillis(now - at)} ago, and release was not called, so its slot stays taken: ${how}`
    },
  }
}
