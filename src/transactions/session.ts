import { excludeInBundle } from '../core/origin/own-code.ts'
import { presentRelease } from '../core/restored-release.ts'
import { OptionError, SessionReleasedError } from '../errors.ts'

/** A client for `lifeguard.session` and `lifeguard.transaction`; a `pg.PoolClient` fits. */
export interface SessionClient {
  query: (statement: string) => Promise<unknown>
  release: (error?: Error | boolean) => void
}

/** A pool for `lifeguard.session` and `lifeguard.transaction`; a `pg.Pool` fits. */
export interface SessionPool {
  connect: (...args: never[]) => unknown
}

/** The client that a pool hands out. If `connect` has several overloads, the first counts. */
export type ClientOf<Pool extends SessionPool> = Pool extends {
  connect: { (): Promise<infer Client>; (callback: never): unknown }
}
  ? Client
  : Pool extends { connect(): Promise<infer Client> }
    ? Client
    : never

/** A checked-out client that is released at the end of the block. */
export interface Session<Client> extends AsyncDisposable {
  readonly client: Client
  /** The same as `client.query`. Rejects with SessionReleasedError after the release. */
  readonly query: Client extends { query: infer Query } ? Query : never
  /** Rolls back an open transaction and releases the client. `await using` calls it at the end of the block. */
  release(): Promise<void>
}

/** Checks a client out, and releases it clean. */
export async function openSession<Pool extends SessionPool>(pool: Pool): Promise<Session<ClientOf<Pool>>> {
  const client = await checkOut(pool)
  const giveBack = client.release
  let released = false

  function query(...args: unknown[]): unknown {
    // The client may have another owner by now.
    return released ? Promise.reject(new SessionReleasedError()) : Reflect.apply(client.query, client, args)
  }

  async function release(): Promise<void> {
    if (released) return
    released = true
    await giveBackClean(client, giveBack)
  }

  return {
    client,
    query: query as Session<ClientOf<Pool>>['query'],
    release,
    [Symbol.asyncDispose]: release,
  }
}

/** Checks a client out with the promise form of `connect`. */
export async function checkOut<Pool extends SessionPool>(
  pool: Pool,
): Promise<ClientOf<Pool> & SessionClient> {
  const { connect } = (pool ?? {}) as { connect?: () => unknown }
  if (typeof connect !== 'function')
    throw new OptionError('pool', 'must be a pool with a method connect', pool)
  return (await connect.call(pool)) as ClientOf<Pool> & SessionClient
}

/**
 * Releases a client, rolling back a transaction first. A client that cannot be rolled back is closed.
 *
 * @param release the client's `release` as it was when it was checked out
 */
export async function giveBackClean(client: SessionClient, release: SessionClient['release']): Promise<void> {
  if (client.release !== presentRelease(release)) {
    // The client has another owner, or `release` was replaced. The saved `release` decides: it throws if the checkout is
    // over, and otherwise closes the client. No statement is sent: it could run in the session of another owner.
    try {
      release.call(client, true)
    } catch {
      // The checkout is over: there is nothing to release.
    }
    return
  }
  try {
    // Only if a transaction may be open: otherwise ROLLBACK would cost a round trip and raise a warning.
    if (mayBeInTransaction(client)) await client.query('ROLLBACK')
  } catch (error) {
    release.call(client, error instanceof Error ? error : true)
    return
  }
  release.call(client)
}

function mayBeInTransaction(client: object): boolean {
  const { getTransactionStatus, readyForQuery } = client as {
    getTransactionStatus?: () => unknown
    readyForQuery?: unknown
  }
  // Before ReadyForQuery the status is that of the previous statement.
  if (typeof getTransactionStatus !== 'function' || readyForQuery === false) return true
  return getTransactionStatus.call(client) !== 'I'
}

excludeInBundle(openSession, checkOut)
