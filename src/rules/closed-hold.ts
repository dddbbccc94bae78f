import type { Checkout } from '../core/checkout.ts'
import type { Rule } from '../core/findings/rule.ts'
import { describeMillis } from '../text/duration.ts'

/** Who closes a client by itself may still be about to release it. */
export const closedMillis = 250

/**
 * A client is held whose connection is closed. Its owner has closed it, or has had all the time of a hold to learn that
 * somebody else has.
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
