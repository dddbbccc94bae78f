import type pg from 'pg'
import { type Deadline, limitsOf } from './deadlines.ts'
import {
  type Awaited,
  type Kind,
  limits,
  type Outcome,
  type Owner,
  type PooledSession,
  pooledSession,
  type Remedy,
  waitingOwner,
} from './owners.ts'
import {
  type Answer,
  discard,
  ExpectedRows,
  opensTransaction,
  rollback,
  type Statement,
  type Tag,
} from './server-session.ts'

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
  /** A listener of the program may have set sessions up, so that they cannot be reset. */
  readonly setsUp: boolean

  constructor(
    max: number,
    {
      closesClients,
      setsUp,
      freesSlots,
      remedies,
    }: Pick<Model, 'closesClients' | 'setsUp' | 'freesSlots' | 'remedies'>,
  ) {
    this.max = max
    this.freesSlots = freesSlots
    this.closesClients = closesClients
    this.setsUp = setsUp
    this.remedies = remedies
  }

  get holding(): Owner[] {
    return this.owners.filter(({ phase }) => phase === 'holding')
  }

  newOwner(via: Owner['via'], queued: boolean): Owner {
    this.#names += 1
    const name = `${via === 'connect' ? 'c' : 'q'}${this.#names}`
    const owner = waitingOwner({ name, via, guard: this.guard, queued, requestedAt: this.now })
    this.owners.push(owner)
    // Owners long gone are of no interest; the last ones may still release once more.
    const over = this.owners.filter(({ phase }) => phase === 'over')
    for (const old of over.slice(0, -6)) this.owners.splice(this.owners.indexOf(old), 1)
    return owner
  }

  sessionOf(client: pg.Client): PooledSession {
    let session = this.sessions.get(client)
    if (session === undefined) {
      session = pooledSession(client, this.sessions.size + 1)
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
      // An heir has not failed the transaction whose COMMIT is refused to it, as far as the driver tells that it is one.
      const isKnown = !murky || 'getTransactionStatus' in session.client
      if (!inherited || !isKnown) this.expect(owner, 'lost-commit', murky)
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
    const chosen = this.remedies['session-state']
    const remedy = chosen === 'reset' && this.setsUp ? 'destroy' : chosen
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
    return owner.watched ? limitsOf(this, owner) : []
  }
}
