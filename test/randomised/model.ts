import type pg from 'pg'
import type { Finding } from '../../src/index.ts'
import {
  type Answer,
  discard,
  ExpectedRows,
  newSession,
  opensTransaction,
  rollback,
  type ServerSession,
  type Statement,
  type Tag,
} from './server-session.ts'

export type Kind = Finding['kind']
export type Remedy = Finding['remedy']
export type Outcome = Finding['outcome']

export const limits = {
  idleTransactionMillis: 1000,
  transactionMillis: 3000,
  holdMillis: 5000,
  acquireWaitMillis: 1500,
  scopeGraceMillis: 1000,
}

/** How long a client may be held whose connection has ended. */
const closedMillis = 250
/** The end itself is noticed by a sweep. */
const sweepMillis = 100

/** Who asks for a client, has it, or has had it. */
export interface Owner {
  readonly name: string
  readonly via: 'connect' | 'pool.query'
  phase: 'waiting' | 'holding' | 'destroyed' | 'over'
  /** Its checkout is known to a guard that is on still. */
  watched: boolean
  /** Which guard that is, and under which number it knows the checkout. */
  readonly guard: number
  checkoutId: number | undefined
  session: PooledSession | undefined
  readonly queued: boolean
  readonly requestedAt: number
  acquiredAt: number
  idleSince: number
  exempt: boolean
  /** Its transaction was rolled back by a remedy, and it has not sent ROLLBACK yet. */
  fenced: boolean
  destroyAt: number
  work: 'none' | 'query' | 'portal'
  /** It has set something in its session that it has not set back. */
  leavesState: boolean
  /** Its long hold is certain, since the connection is closed. */
  holdsInVain: boolean
  readonly reported: Set<Kind>
  /** It was found to wait for too long. */
  exhausted: boolean
  /** Findings that are reported and not resolved. */
  readonly open: Set<Kind>
  /** It came to its end in the middle of a remedy: what resolves first is a matter of luck. */
  vague: boolean
}

export interface PooledSession extends ServerSession {
  /** The present transaction was there when the present owner came. */
  inherited: boolean
  /** The present transaction was opened or left open while no guard was on: nobody can say whose it is. */
  murky: boolean
  /** When its connection ended, and whether its owner has ended it. */
  goneAt: number
  endedByOwner: boolean
  /** Owners that left it dirty or busy, and were reported for it. */
  leftBy: Owner[]
}

/** A finding that must come, or may. */
export interface Awaited {
  readonly owner: Owner
  readonly kind: Kind
  readonly outcomes: readonly Outcome[]
  readonly optional: boolean
  /** What the remedy does to the owner is in the model already. */
  readonly applied?: true
}

export interface Deadline {
  readonly kind: Kind
  readonly at: number
  readonly optional: boolean
  /** Who is found at the latest by then is found in time. */
  readonly until: number
}

/** What the guard ought to see, say and do, told apart from what it does. */
export class Model {
  readonly max: number
  /** The pool closes clients that have been used so many times. */
  readonly closesClients: boolean
  readonly rows = new ExpectedRows()
  readonly sessions = new Map<pg.Client, PooledSession>()
  readonly owners: Owner[] = []
  readonly remedies: Readonly<Record<Kind, Remedy>>
  awaited: Awaited[] = []
  now = 0
  /** 0 while no guard is on. */
  guard = 0
  /** When `pool.end()` was called. */
  endingSince = Number.POSITIVE_INFINITY
  #names = 0

  /** Slots that are held by nothing but a closed connection are freed. */
  readonly freesSlots: boolean

  constructor(
    max: number,
    closesClients: boolean,
    freesSlots: boolean,
    remedies: Readonly<Record<Kind, Remedy>>,
  ) {
    this.max = max
    this.freesSlots = freesSlots
    this.closesClients = closesClients
    this.remedies = remedies
  }

  get holding(): Owner[] {
    return this.owners.filter(({ phase }) => phase === 'holding')
  }

  newOwner(via: Owner['via'], queued: boolean): Owner {
    this.#names += 1
    const owner: Owner = {
      name: `${via === 'connect' ? 'c' : 'q'}${this.#names}`,
      via,
      phase: 'waiting',
      watched: this.guard !== 0,
      guard: this.guard,
      checkoutId: undefined,
      session: undefined,
      queued,
      requestedAt: this.now,
      acquiredAt: 0,
      idleSince: 0,
      exempt: false,
      fenced: false,
      destroyAt: Number.POSITIVE_INFINITY,
      work: 'none',
      leavesState: false,
      holdsInVain: false,
      reported: new Set(),
      exhausted: false,
      open: new Set(),
      vague: false,
    }
    this.owners.push(owner)
    // Owners long gone are of no interest; the last ones may still release once more.
    const over = this.owners.filter(({ phase }) => phase === 'over')
    for (const old of over.slice(0, -6)) this.owners.splice(this.owners.indexOf(old), 1)
    return owner
  }

  sessionOf(client: pg.Client): PooledSession {
    let session = this.sessions.get(client)
    if (session === undefined) {
      session = {
        ...newSession(client, this.sessions.size + 1),
        inherited: false,
        murky: false,
        goneAt: Number.POSITIVE_INFINITY,
        endedByOwner: false,
        leftBy: [],
      }
      this.sessions.set(client, session)
    }
    return session
  }

  /** The client that the owner has waited for is there. */
  arrived(owner: Owner, client: pg.Client): PooledSession {
    const session = this.sessionOf(client)
    if (session.gone) throw new Error(`${owner.name} got a client whose session is closed`)
    const holder = this.holding.find((other) => other.session === session)
    if (holder !== undefined) throw new Error(`${owner.name} got the client of ${holder.name}`)
    owner.phase = 'holding'
    owner.session = session
    owner.acquiredAt = this.now
    owner.idleSince = this.now
    owner.reported.clear()
    owner.open.clear()
    session.inherited = session.transaction !== 'idle'
    return session
  }

  /** What the owner's statement is answered with. */
  execute(owner: Owner, statement: Statement, tag: Tag): Answer {
    const { session } = owner
    if (session === undefined) throw new Error(`${owner.name} has no client`)
    if (owner.phase === 'destroyed') return { code: 'LIFEGUARD_SESSION_DESTROYED' }
    if (owner.fenced) {
      if (statement !== rollback) return { code: 'LIFEGUARD_TRANSACTION_ROLLED_BACK' }
      this.liftFence(owner)
    }
    if (session.gone) return { code: 'not queryable' }
    const { murky, inherited } = session
    const failed = session.transaction === 'failed'
    const answer = this.apply(session, statement, tag)
    owner.idleSince = this.now
    if (failed && statement.name.startsWith('COMMIT') && owner.watched) {
      // An heir has not failed the transaction whose COMMIT is refused to it.
      if (!inherited) this.expect(owner, 'lost-commit', murky)
    }
    if (session.transaction === 'idle') this.endTransaction(owner)
    return answer
  }

  /** A statement reaches a session, whoever has sent it. */
  apply(session: PooledSession, statement: Statement, tag: Tag): Answer {
    const before = session.transaction
    const answer = statement.apply(session, this.rows, tag, this.now)
    if (session.transaction === 'idle') this.cleaned(session)
    // An heir that begins a transaction takes the one that it has got for its own.
    if (
      before === 'open' &&
      session.transaction !== 'idle' &&
      session.inherited &&
      opensTransaction(statement)
    ) {
      session.inherited = false
      session.since = this.now
    }
    return answer
  }

  liftFence(owner: Owner): void {
    owner.fenced = false
    owner.destroyAt = Number.POSITIVE_INFINITY
    // A guard that is off goes now, and what else it knows of the owner stays as it is.
    if (!owner.watched) owner.vague = true
    this.endTransaction(owner)
  }

  /** What was found of a transaction ends with it; the next one is judged anew. */
  endTransaction(owner: Owner): void {
    for (const kind of ['idle-transaction', 'long-transaction'] as const) {
      owner.open.delete(kind)
      owner.reported.delete(kind)
    }
  }

  /** Nothing of anybody is left in the session. */
  cleaned(session: PooledSession): void {
    session.inherited = false
    session.murky = false
    for (const owner of session.leftBy.splice(0)) {
      this.resolve(owner, 'dirty-release', 'busy-release', 'lost-commit')
    }
  }

  /** The session ends, for whatever reason. */
  closed(session: PooledSession): void {
    session.goneAt = Math.min(session.goneAt, this.now)
    session.gone = true
    discard(session)
    this.cleaned(session)
  }

  /** The owner calls release, for the first time. */
  released(owner: Owner, closes: boolean): void {
    const { session, phase } = owner
    if (session === undefined) throw new Error(`${owner.name} has no client`)
    owner.phase = 'over'
    owner.destroyAt = Number.POSITIVE_INFINITY
    if (phase === 'destroyed') {
      owner.open.clear()
      return
    }
    const wasFenced = owner.fenced
    owner.fenced = false
    owner.open.clear()
    if (closes || session.gone) this.closed(session)
    else if (owner.work !== 'none') this.#releasedUnclean(owner, session, 'busy-release')
    else if (session.transaction !== 'idle' && !wasFenced)
      this.#releasedUnclean(owner, session, 'dirty-release')
    if (owner.leavesState && owner.watched && !session.gone) this.#releasedState(owner, session)
  }

  /** What it has set is reported, and gone before the next owner gets the session where that is the remedy. */
  #releasedState(owner: Owner, session: PooledSession): void {
    const remedy = this.remedies['session-state']
    const outcomes: Outcome[] = [remedy === 'report' ? undefined : remedy === 'reset' ? 'reset' : 'destroyed']
    this.awaited.push({ owner, kind: 'session-state', outcomes, optional: false })
    if (remedy === 'reset') session.state = undefined
    if (remedy === 'destroy') this.closed(session)
  }

  /** An ordinary statement of `pool.query` is over. It is not tracked: what it has met and leaves is not its own. */
  passed(owner: Owner): void {
    owner.phase = 'over'
    const { session } = owner
    if (session === undefined || !session.murky || session.transaction === 'idle') return
    // An old driver does not tell a guard what was open before: it seems to come from the first statement that is seen.
    if ('getTransactionStatus' in session.client) return
    owner.checkoutId = undefined
    this.#releasedUnclean(owner, session, 'dirty-release')
  }

  /** The owner calls release although its checkout is over. */
  releasedAgain(owner: Owner): void {
    if (owner.watched && !owner.reported.has('double-release')) {
      const outcomes: Outcome[] = [this.remedies['double-release'] === 'refuse' ? 'refused' : undefined]
      this.awaited.push({ owner, kind: 'double-release', outcomes, optional: false })
    }
  }

  #releasedUnclean(owner: Owner, session: PooledSession, kind: 'busy-release' | 'dirty-release'): void {
    if (!owner.watched) {
      session.murky = true
      return
    }
    const isDirty = kind === 'dirty-release'
    const isMurky = isDirty && session.murky
    if (isDirty && session.inherited && !isMurky) return
    const remedy = this.remedies[kind]
    const outcomes = this.#outcomesOf(remedy)
    this.awaited.push({ owner, kind, outcomes, optional: isMurky })
    if (isMurky) return
    if (remedy === 'rollback') {
      discard(session)
      this.cleaned(session)
    } else if (remedy === 'destroy') {
      this.closed(session)
    } else {
      session.leftBy.push(owner)
      session.inherited = true
    }
  }

  #outcomesOf(remedy: Remedy): readonly Outcome[] {
    if (remedy === 'report') return [undefined]
    if (remedy !== 'rollback') return ['destroyed']
    // The pool itself may close the client before ROLLBACK is sent.
    return this.closesClients ? ['rolled-back', 'destroyed'] : ['rolled-back']
  }

  /** The owner has closed its client, which does not free the slot. */
  closedByOwner(session: PooledSession): void {
    session.endedByOwner = true
    this.closed(session)
  }

  /** When the slot of an owner is freed whose session was ended by somebody else. */
  freedAt({ watched, phase, session }: Owner): number {
    if (!this.freesSlots || !watched || phase !== 'holding' || session === undefined)
      return Number.POSITIVE_INFINITY
    return session.endedByOwner ? Number.POSITIVE_INFINITY : session.goneAt + closedMillis
  }

  /** The connection was cut by the server. */
  killed(session: PooledSession): void {
    this.closed(session)
    const owner = this.holding.find((candidate) => candidate.session === session)
    if (owner === undefined) return
    owner.work = 'none'
    owner.destroyAt = Number.POSITIVE_INFINITY
    this.endTransaction(owner)
    if (owner.watched) this.expect(owner, 'session-killed')
    else if (owner.fenced) {
      // The guard stays with an owner that still has to learn of a remedy.
      this.awaited.push({ owner, kind: 'session-killed', outcomes: [undefined], optional: true })
    }
  }

  /**
   * The guard is taken off. Returns those whose open findings it forgets; an owner that still has to learn of a remedy,
   * or whose release is held back by one, is not among them.
   */
  unwatched(): Set<Owner> {
    this.guard = 0
    const dismissed = new Set<Owner>()
    for (const owner of this.owners) {
      if (!owner.watched) continue
      owner.watched = false
      owner.destroyAt = Number.POSITIVE_INFINITY
      if (owner.phase === 'over' || owner.phase === 'destroyed') continue
      if (owner.fenced && owner.session?.gone === false) continue
      owner.fenced = false
      dismissed.add(owner)
    }
    for (const session of this.sessions.values()) {
      if (session.transaction !== 'idle') session.murky = true
      for (const owner of session.leftBy.splice(0)) dismissed.add(owner)
    }
    for (const owner of dismissed) owner.open.clear()
    return dismissed
  }

  /** Takes a client from its owner and closes it. */
  destroyed(owner: Owner): void {
    owner.phase = 'destroyed'
    owner.fenced = false
    owner.work = 'none'
    owner.destroyAt = Number.POSITIVE_INFINITY
    if (owner.session !== undefined) this.closed(owner.session)
  }

  rolledBack(owner: Owner): void {
    const { session } = owner
    if (session === undefined) return
    discard(session)
    this.cleaned(session)
    owner.fenced = true
    owner.work = 'none'
    owner.destroyAt = this.now + limits.idleTransactionMillis
  }

  expect(owner: Owner, kind: Kind, optional = false): void {
    if (owner.reported.has(kind) || this.awaited.some((one) => one.owner === owner && one.kind === kind))
      return
    this.awaited.push({ owner, kind, outcomes: [undefined], optional })
  }

  resolve(owner: Owner, ...kinds: Kind[]): void {
    for (const kind of kinds) owner.open.delete(kind)
  }

  /** The limits that a guard sees run for an owner and has not reported. */
  deadlines(owner: Owner): Deadline[] {
    return owner.watched ? this.limitsOf(owner) : []
  }

  limitsOf(owner: Owner): Deadline[] {
    const { session } = owner
    const found: Deadline[] = []
    const add = (kind: Kind, since: number, limit: number, optional = false, delay = 0) => {
      const at = since + limit
      if (!owner.reported.has(kind)) found.push({ kind, at, optional, until: at + delay + sweepMillis })
    }
    // Once a leak is certain, a suspicion without a remedy adds nothing; one of the same sweep may still have come first.
    const suspect: typeof add = (kind, since, limit, optional, delay) => {
      if (this.remedies[kind] !== 'report') add(kind, since, limit, optional, delay)
      else if (!isCertain(owner)) {
        const mayBeCertain =
          this.endingSince + limits.scopeGraceMillis <= this.now ||
          session?.goneAt !== Number.POSITIVE_INFINITY
        add(kind, since, limit, optional || mayBeCertain, delay)
      }
    }
    if (owner.phase === 'waiting' && owner.queued) {
      const optional = this.#isExplained(owner)
      add('pool-exhausted', owner.requestedAt, limits.acquireWaitMillis, optional)
    }
    if (owner.phase !== 'holding' || session === undefined) return found
    add('blocked-shutdown', this.endingSince, limits.scopeGraceMillis)
    const hold = owner.acquiredAt + limits.holdMillis
    const end = session.goneAt + (session.endedByOwner ? closedMillis : limits.holdMillis)
    if (owner.exempt || end < hold) add('long-hold', end, 0, false, sweepMillis)
    if (owner.exempt) return found
    // Of a connection that has ended it is certain, and comes after a suspicion that was left out.
    const isLeftOut = this.remedies['long-hold'] === 'report' && isCertain(owner)
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
  #isExplained(waiter: Owner): boolean {
    const dueAt = waiter.requestedAt + limits.acquireWaitMillis
    const index = this.owners.indexOf(waiter)
    return this.owners.some((other, at) => {
      if (other === waiter || other.guard !== waiter.guard || !other.queued) return false
      if (other.phase === 'waiting' && at < index) return true
      // It may have given up, at a time that is not kept.
      const waitedUntil = other.acquiredAt > other.requestedAt ? other.acquiredAt : Number.POSITIVE_INFINITY
      return other.exhausted && waitedUntil >= dueAt - sweepMillis
    })
  }
}

/** Kinds that are certain and last as long as the client is held. */
const certain: readonly Kind[] = ['blocked-shutdown', 'session-killed']

export function isCertain({ open }: Owner): boolean {
  return certain.some((kind) => open.has(kind))
}

/** What a certain finding takes the place of. */
export const suspicions: readonly Kind[] = ['idle-transaction', 'long-transaction', 'long-hold']
