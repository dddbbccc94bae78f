import { sqlComment } from '../sql/comment.ts'
import type { Checkout } from './checkout.ts'
import { describeFrame } from './origin/origin.ts'

/** The content of a statement's tag. */
export interface TagContent {
  readonly application: string
  readonly origin: boolean
  readonly route: boolean
  readonly traceparent: boolean
}

/** The tags that the clients of a pool get. */
export interface TagSettings extends TagContent {
  /** Statements of explicit checkouts get a comment. */
  readonly statements: boolean
  /** New connections get an `application_name`. */
  readonly connections: boolean
}

/** More than one, because the stacks of an ORM's first statements may lack the user's line. */
const mostAttempts = 4

/** The comment for the statements of a checkout. Created once, because it formats the stack. */
export function checkoutTag(content: TagContent): (checkout: Checkout) => string {
  return (checkout) => {
    if (checkout.tag !== undefined) return checkout.tag
    const origin = content.origin ? checkout.origin : undefined
    const scope = content.route ? checkout.scope?.data() : undefined
    const comment = sqlComment({
      application: content.application,
      origin: origin && describeFrame(origin),
      [scope?.kind === 'request' ? 'route' : 'scope']:
        scope && (scope.kind === 'request' ? scope.name : `${scope.kind} ${scope.name}`),
      traceparent: content.traceparent ? traceparentOf(checkout) : undefined,
    })
    if (origin !== undefined || !content.origin || checkout.queryCount >= mostAttempts) checkout.tag = comment
    return comment
  }
}

function traceparentOf({ span, scope }: Checkout): string | undefined {
  const { traceId, spanId } = span ?? scope?.data() ?? {}
  if (traceId === undefined || spanId === undefined) return undefined
  const flags = (span?.traceFlags ?? 1).toString(16).padStart(2, '0')
  return `00-${traceId}-${spanId}-${flags}`
}
