import { isCertain, type Kind, limits, type Owner, type Remedy } from './owners.ts'

/** How long a client may be held whose connection has ended. */
const closedMillis = 250
/** The end itself is noticed by a sweep. */
const sweepMillis = 100

/** What the model knows, and limits depend on. */
interface Modelled {
  readonly now: number
  readonly endingSince: number
  readonly freesSlots: boolean
  readonly owners: readonly Owner[]
  readonly remedies: Readonly<Record<Kind, Remedy>>
}

export interface Deadline {
  readonly kind: Kind
  readonly at: number
  readonly optional: boolean
  /** Who is found at the latest by then is found in time. */
  readonly until: number
}

/** Those that run for an owner, whether a guard sees them or not. */
export function limitsOf(model: Modelled, owner: Owner): Deadline[] {
  const { session } = owner
  const found: Deadline[] = []
  const add = (kind: Kind, since: number, limit: number, optional = false, delay = 0) => {
    const at = since + limit
    if (!owner.reported.has(kind)) found.push({ kind, at, optional, until: at + delay + sweepMillis })
  }
  // Once a leak is certain, a suspicion without a remedy adds nothing; one of the same sweep may still have come first.
  const suspect: typeof add = (kind, since, limit, optional, delay) => {
    if (model.remedies[kind] !== 'report') add(kind, since, limit, optional, delay)
    else if (!isCertain(owner)) {
      const mayBeCertain =
        model.endingSince + limits.scopeGraceMillis <= model.now ||
        session?.goneAt !== Number.POSITIVE_INFINITY
      add(kind, since, limit, optional || mayBeCertain, delay)
    }
  }
  if (owner.phase === 'waiting' && owner.queued) {
    const optional = isExplained(model, owner)
    add('pool-exhausted', owner.requestedAt, limits.acquireWaitMillis, optional)
  }
  if (owner.phase !== 'holding' || session === undefined) return found
  add('blocked-shutdown', model.endingSince, limits.scopeGraceMillis)
  const hold = owner.acquiredAt + limits.holdMillis
  const end = session.goneAt + (session.endedByOwner ? closedMillis : limits.holdMillis)
  if (owner.exempt || end < hold) add('long-hold', end, 0, false, sweepMillis)
  if (owner.exempt) return found
  // Of a connection that has ended it is certain, and comes after a suspicion that was left out.
  const isLeftOut = model.remedies['long-hold'] === 'report' && isCertain(owner)
  if (hold <= end && isLeftOut) add('long-hold', end, 0, false, sweepMillis)
  else if (hold <= end) suspect('long-hold', hold, 0)
  // An heir is not to blame for what it does not know of.
  if (session.transaction !== 'idle' && !session.inherited) {
    const optional = session.murky
    suspect('long-transaction', session.since, limits.transactionMillis, optional)
    if (owner.work === 'none')
      suspect('idle-transaction', owner.idleSince, limits.idleTransactionMillis, optional)
  }
  return found
}

/** One that has waited for longer, or has been found, stands for the others that wait meanwhile. */
function isExplained(model: Modelled, waiter: Owner): boolean {
  const dueAt = waiter.requestedAt + limits.acquireWaitMillis
  const index = model.owners.indexOf(waiter)
  return model.owners.some((other, at) => {
    if (other === waiter || other.guard !== waiter.guard || !other.queued) return false
    if (other.phase === 'waiting' && at < index) return true
    // It may have given up, at a time that is not kept.
    const waitedUntil = other.acquiredAt > other.requestedAt ? other.acquiredAt : Number.POSITIVE_INFINITY
    return other.exhausted && waitedUntil >= dueAt - sweepMillis
  })
}

/** When the slot of an owner is freed whose session was ended by somebody else. */
export function freedAt({ freesSlots }: Modelled, { watched, phase, session }: Owner): number {
  if (!freesSlots || !watched || phase !== 'holding' || session === undefined) return Number.POSITIVE_INFINITY
  return session.endedByOwner ? Number.POSITIVE_INFINITY : session.goneAt + closedMillis
}
