import { OptionError } from '../errors.ts'
import { cancelQuery, identityQuery, terminateQuery } from './queries/signal.ts'
import { type QueryClient, queryFrozen } from './query-client.ts'
import { quoteName } from './quote.ts'

/** Which session is meant, as a {@link ServerSession} says it: a pid alone may be somebody else's by now. */
export interface SessionIdentity {
  readonly pid: number
  readonly backendStart?: string
  /** With it, a session that has gone on with its work since is left alone. */
  readonly stateChange?: string
  readonly state?: string
}

/**
 * - `ended`: it is gone, or for a cancellation: its statement has ended
 * - `signalled`: the signal was sent, and it was still there after the wait
 * - `changed`: the pid is of another session, or the session does something else by now; nothing was done
 * - `gone`: there is no such session any more; nothing was done
 * - `denied`: not allowed, or not a session that may be ended
 */
export type SignalOutcome = 'ended' | 'signalled' | 'changed' | 'gone' | 'denied'

export interface SignalResult {
  readonly pid: number
  readonly outcome: SignalOutcome
  /** One sentence, except where `ended` says it all. */
  readonly detail?: string
  /** For `denied`: the statement that would allow it, where there is one. */
  readonly grant?: string
}

export interface SignalOptions {
  /** How long to wait for the end. Default 5 s. */
  readonly waitMillis?: number
}

interface Identity extends SessionIdentity {
  readonly own?: boolean
  readonly backendType?: string
  readonly user?: string
  readonly role?: string
  readonly superuser?: boolean
}

const defaultWaitMillis = 5_000
const cancelPauseMillis = 50

/**
 * Ends a session if it still is the one that was seen, in the state in which it was seen. That is decided in the statement
 * that ends it. Never ends the session that asks, and nothing but client sessions: autovacuum gives way by itself, and
 * replication would be cut.
 *
 * @returns what came of it; what cannot be done is an outcome, not an error
 * @throws OptionError if the identity lacks the backend's start; what the client throws, for a lost connection
 *
 * @example
 * const { sessions } = await serverSnapshot(client)
 * const forgotten = sessions.find(({ state }) => state === 'idle in transaction')
 * if (forgotten) console.log(await terminateSession(client, forgotten)) // { pid: 4711, outcome: 'ended' }
 */
export async function terminateSession(
  client: QueryClient,
  identity: SessionIdentity,
  { waitMillis = defaultWaitMillis }: SignalOptions = {},
): Promise<SignalResult> {
  const done = await signal(client, terminateQuery, identity, [waitMillis])
  if (typeof done !== 'boolean') return done
  if (done) return result(identity, 'ended')
  // The wait was too short, or the session was gone before the signal: only another look shows which.
  const now = await lookUp(client, identity.pid)
  if (now.backendStart !== identity.backendStart) return result(identity, 'ended')
  return result(identity, 'signalled', `still alive ${waitMillis} ms after the signal`)
}

/**
 * Cancels the statement that a session runs, if it still runs the one that was seen. A session that is idle in its
 * transaction has nothing to cancel: PostgreSQL would say yes and do nothing, so that is `changed` here.
 *
 * @returns what came of it; `ended` if the statement has ended
 * @throws as {@link terminateSession}
 *
 * @example
 * const active = snapshot.sessions.find(({ pid }) => pid === 4711)
 * if (active) await cancelSession(client, active, { waitMillis: 1_000 })
 */
export async function cancelSession(
  client: QueryClient,
  identity: SessionIdentity,
  { waitMillis = defaultWaitMillis }: SignalOptions = {},
): Promise<SignalResult> {
  const done = await signal(client, cancelQuery, identity, [])
  if (typeof done !== 'boolean') return done
  for (let waited = 0; ; waited += cancelPauseMillis) {
    const now = await lookUp(client, identity.pid)
    const isSame = now.backendStart === identity.backendStart && now.state === 'active'
    if (!isSame || (identity.stateChange !== undefined && now.stateChange !== identity.stateChange)) {
      return result(identity, 'ended')
    }
    if (waited >= waitMillis) {
      return result(identity, 'signalled', `its statement still runs ${waitMillis} ms after the signal`)
    }
    await new Promise((resolve) => setTimeout(resolve, cancelPauseMillis))
  }
}

async function signal(
  client: QueryClient,
  statement: string,
  identity: SessionIdentity,
  more: readonly unknown[],
): Promise<boolean | SignalResult> {
  const { pid, backendStart, stateChange, state } = identity
  if (!Number.isInteger(pid)) throw new OptionError('identity.pid', 'must be a whole number', pid)
  if (backendStart === undefined) return await explainHidden(client, identity)
  try {
    const values = [pid, backendStart, stateChange ?? null, state ?? null, ...more]
    const { rows } = await client.query(statement, values)
    if (rows.length > 0) return (rows[0] as { done: boolean }).done
  } catch (error) {
    if (!isDenied(error)) throw error
    return explainDenial(identity, await lookUp(client, pid))
  }
  return explainNothing(identity, await lookUp(client, pid))
}

/** An identity without a start: of a session of which the role may not see it, or that is none to be ended. */
async function explainHidden(client: QueryClient, identity: SessionIdentity): Promise<SignalResult> {
  const now = await lookUp(client, identity.pid)
  if (now.pid === undefined) return result(identity, 'gone', 'there is no such session')
  const refusal = refuse(identity, now)
  if (refusal !== undefined) return refusal
  if (now.backendStart !== undefined) {
    throw new OptionError(
      'identity.backendStart',
      'must be given: a pid alone may belong to another session',
      undefined,
    )
  }
  // No grant helps there.
  if (now.superuser === true) return explainDenial(identity, now)
  const grant = `GRANT pg_read_all_stats, pg_signal_backend TO ${quoteName(now.role ?? 'CURRENT_USER')}`
  return { ...result(identity, 'denied', 'its state cannot be seen, so it cannot be checked'), grant }
}

/** Sessions that nobody should end. */
function refuse(identity: SessionIdentity, now: Partial<Identity>): SignalResult | undefined {
  if (now.own === true) return result(identity, 'denied', 'it is the session that asks')
  if (now.backendType === undefined || now.backendType === 'client backend') return undefined
  return result(identity, 'denied', `it is no client session: ${now.backendType}`)
}

/** No row: the session is not there, or not the same. Say which, never "killed". */
function explainNothing(identity: SessionIdentity, now: Partial<Identity>): SignalResult {
  if (now.pid === undefined) return result(identity, 'gone', 'it has ended by itself')
  const refusal = refuse(identity, now)
  if (refusal !== undefined) return refusal
  if (now.backendStart !== identity.backendStart) {
    return result(identity, 'gone', 'it has ended by itself, and its pid is of another session now')
  }
  return result(identity, 'changed', changeOf(identity.state, now.state ?? 'in an unknown state'))
}

function changeOf(before: string | undefined, now: string): string {
  if (before === now)
    return now === 'active'
      ? 'it runs another statement now'
      : `it has run another statement since, and is ${now} again`
  return `it is ${now} now, ${before === undefined ? 'not as it was seen' : `no longer ${before}`}`
}

function explainDenial(identity: SessionIdentity, now: Partial<Identity>): SignalResult {
  if (now.pid === undefined) return result(identity, 'gone', 'it has ended by itself')
  if (now.superuser === true) {
    return result(identity, 'denied', `it belongs to the superuser ${now.user}: only a superuser may end it`)
  }
  return {
    ...result(identity, 'denied', `the role ${now.role} may not signal sessions of ${now.user}`),
    grant: `GRANT pg_signal_backend TO ${quoteName(now.role ?? 'CURRENT_USER')}`,
  }
}

function lookUp(client: QueryClient, pid: number): Promise<Partial<Identity>> {
  return queryFrozen<Partial<Identity>>(client, identityQuery, [pid])
}

function result({ pid }: SessionIdentity, outcome: SignalOutcome, detail?: string): SignalResult {
  return { pid, outcome, ...(detail === undefined ? {} : { detail }) }
}

function isDenied(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === '42501'
}
