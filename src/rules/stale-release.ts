import type { Checkout } from '../core/checkout.ts'
import { describeScope } from '../core/exhaustion.ts'
import { describeFrame, originOf } from '../core/origin/origin.ts'

/** The hint for the owner of a client that a former owner has released a second time. */
export function staleReleaseHint({ staleRelease }: Checkout): string | undefined {
  if (staleRelease?.stack === undefined) return undefined
  const line = originOf(staleRelease.stack)
  const at = line === undefined ? '' : ` at ${describeFrame(line)}`
  return `the client was released a second time just before by its former owner${described(staleRelease.former)}${at}, while this owner had it`
}

/** A supplement to other hints, if it is not certain which owner has released the client. */
export function maybeStaleRelease({ staleRelease }: Checkout): string {
  if (staleRelease === undefined) return ''
  return `, or its former owner${described(staleRelease.former)} released it a second time`
}

function described({ scope, origin }: Checkout): string {
  const parts = [
    ...(scope === undefined ? [] : [describeScope(scope.data())]),
    ...(origin === undefined ? [] : [`checked out at ${describeFrame(origin)}`]),
  ]
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`
}
