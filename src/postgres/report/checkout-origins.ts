import { isIdleInTransaction } from '../idle-in-transaction.ts'
import type { ServerSession, ServerSnapshot } from '../server-data.ts'
import type { OriginOf } from './session-origin.ts'

/** The parts of an application's checkout that identify its session. */
export interface OwnCheckout {
  readonly pid: number
  readonly pool: string
  readonly transaction: string
  readonly acquiredAt?: number
  readonly place?: string
  readonly scope?: string
}

/** The tolerated difference between the clocks of two machines. */
const clockSkewMillis = 5_000

/**
 * Finds the checkout of a session by the server's process id. Behind a pooler the id is arbitrary, and another server
 * may use the same ids, so the other fields are compared, too.
 */
export function checkoutOrigins(checkouts: readonly OwnCheckout[], snapshot: ServerSnapshot): OriginOf {
  const byPid = new Map(checkouts.map((checkout) => [checkout.pid, checkout]))
  const known = new Set(snapshot.sessions.map(({ pid }) => pid))
  const strangers = checkouts.filter(({ pid }) => !known.has(pid))
  return (session) => {
    const checkout = byPid.get(session.pid)
    if (checkout === undefined) return undefined
    const { place, scope, pool } = checkout
    const unknown = strangers.filter((one) => one.pool === pool).length
    const unverified = doubt(session, checkout, unknown)
    return {
      source: 'application',
      text: [place ?? `pool ${pool}`, ...(scope === undefined ? [] : [scope])].join(' '),
      ...(unverified === undefined ? {} : { unverified }),
    }
  }
}

function doubt(session: ServerSession, checkout: OwnCheckout, unknown: number): string | undefined {
  if (unknown > 0) {
    return `this server does not have ${unknown} of the process ids of its pool ${checkout.pool}: the application may connect through a pooler`
  }
  const isOpen = isIdleInTransaction(session)
  if (
    (isOpen && checkout.transaction === 'idle') ||
    (session.state === 'idle' && checkout.transaction !== 'idle')
  ) {
    return `the application reports the transaction as ${checkout.transaction}, the server reports ${session.state}`
  }
  const started = session.backendStart === undefined ? undefined : Date.parse(session.backendStart)
  if (
    started !== undefined &&
    checkout.acquiredAt !== undefined &&
    started > checkout.acquiredAt + clockSkewMillis
  ) {
    return 'the session is younger than the checkout'
  }
  return undefined
}
