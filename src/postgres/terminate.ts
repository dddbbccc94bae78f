import { OptionError } from '../errors.ts'
import { cancelQuery, identityQuery, terminateQuery } from './queries/signal.ts'
import { type QueryClient, queryFrozen } from './query-client.ts'
import { quoteName } from './quote.ts'

/** Identifies a session, with fields of {@link ServerSession}: a pid alone may belong to another session by now. */
export interface SessionIdentity {
  readonly pid: number
  readonly backendStart?: string
  /** If given, a session whose state has changed since is left alone. */
  readonly stateChange?: string
  readonly state?: string
}

/**
 * - `ended`: the session has ended; for a cancellation, its statement has
 * - `signalled`: the signal was sent, and the session had not ended after the wait
 * - `changed`: the session is in another state; nothing was done
 * - `gone`: the session had already ended; nothing was done
 * - `denied`: the role is not allowed to, or the session must not be ended; nothing was done
 */
export type SignalOutcome = 'ended' | 'signalled' | 'changed' | 'gone' | 'denied'

/** What became of a session that was to be ended or cancelled. */
export interface SignalResult {
  readonly pid: number
  readonly outcome: SignalOutcome
  /** The reason, in one sentence. Absent for `ended`. */
  readonly detail?: string
  /** For `denied`: the GRANT that would allow it, if there is one. */
  readonly grant?: string
}

/** The options of {@link terminateSession} and {@link cancelSession}. */
export interface SignalOptions {
  /** The time to wait for the end, in milliseconds. Default 5,000. */
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
 * Ends a session if it is still the same and in the same state as in the snapshot; the statement that ends it checks
 * this. Ends only client sessions, and never the calling one.
 *
 * @returns the outcome; a refusal is an outcome, not an error
 * @throws OptionError if the identity lacks the backend's start; the client's errors, for a lost connection
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
  // Either the wait was too short, or the session had ended before the signal: another look decides.
  const now = await lookUp(client, identity.pid)
  if (now.backendStart !== identity.backendStart) return result(identity, 'ended')
  return result(identity, 'signalled', `still alive ${waitMillis} ms after the signal`)
}

/**
 * Cancels the running statement of a session, if it is still the one in the snapshot. A session that is idle in a
 * transaction has nothing to cancel: PostgreSQL would report success and do nothing; the outcome here is `changed`.
 *
 * @returns the outcome; `ended` if the statement has ended
 * @throws the same as {@link terminateSession}
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

/** The outcome for an identity without a start, which the role may not see, or which the process does not have. */
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
  // No GRANT allows it.
  if (now.superuser === true) return explainDenial(identity, now)
  const grant = `GRANT pg_read_all_stats, pg_signal_backend TO ${quoteName(now.role ?? 'CURRENT_USER')}`
  return { ...result(identity, 'denied', 'its state cannot be seen, so it cannot be checked'), grant }
}

/** The refusal for a session that must not be ended. */
function refuse(identity: SessionIdentity, now: Partial<Identity>): SignalResult | undefined {
  if (now.own === true) return result(identity, 'denied', 'it is the session that asks')
  if (now.backendType === undefined || now.backendType === 'client backend') return undefined
  return result(identity, 'denied', `it is not a client session: ${now.backendType}`)
}

/** The outcome if no session matched: it has ended, or has changed. */
function explainNothing(identity: SessionIdentity, now: Partial<Identity>): SignalResult {
  if (now.pid === undefined) return result(identity, 'gone', 'it has ended by itself')
  const refusal = refuse(identity, now)
  if (refusal !== undefined) return refusal
  if (now.backendStart !== identity.backendStart) {
    return result(identity, 'gone', 'it has ended by itself, and its pid belongs to another session now')
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
