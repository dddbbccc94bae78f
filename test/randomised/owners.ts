import type pg from 'pg'
import type { Finding } from '../../src/index.ts'
import { newSession, type ServerSession } from './server-session.ts'

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

/** One that has just asked for a client. */
export function waitingOwner(asked: Pick<Owner, 'name' | 'via' | 'guard' | 'queued' | 'requestedAt'>): Owner {
  return {
    ...asked,
    phase: 'waiting',
    watched: asked.guard !== 0,
    checkoutId: undefined,
    session: undefined,
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
}

export function pooledSession(client: pg.Client, number: number): PooledSession {
  return {
    ...newSession(client, number),
    inherited: false,
    murky: false,
    goneAt: Number.POSITIVE_INFINITY,
    endedByOwner: false,
    leftBy: [],
  }
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

/** Kinds that are certain and last as long as the client is held. */
const certain: readonly Kind[] = ['blocked-shutdown', 'session-killed']

export function isCertain({ open }: Owner): boolean {
  return certain.some((kind) => open.has(kind))
}

/** What a certain finding takes the place of. */
export const suspicions: readonly Kind[] = ['idle-transaction', 'long-transaction', 'long-hold']
