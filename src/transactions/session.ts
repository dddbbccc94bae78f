import { presentRelease } from '../core/restored-release.ts'
import { OptionError, SessionReleasedError } from '../errors.ts'

/** A client for `lifeguard.session` and `lifeguard.transaction`; a `pg.PoolClient` fits. */
export interface SessionClient {
  query: (statement: string) => Promise<unknown>
  release: (error?: Error | boolean) => void
}

/** A pool for them; a `pg.Pool` fits. */
export interface SessionPool {
  connect: (...args: never[]) => unknown
}

/** The client that a pool hands out. Where `connect` has a form with a callback, too, its first form counts. */
export type ClientOf<Pool extends SessionPool> = Pool extends {
  connect: { (): Promise<infer Client>; (callback: never): unknown }
}
  ? Client
  : Pool extends { connect(): Promise<infer Client> }
    ? Client
    : never

/** A checked-out client that is given back at the end of the block. */
export interface Session<Client> extends AsyncDisposable {
  readonly client: Client
  /** As `client.query`. */
  readonly query: Client extends { query: infer Query } ? Query : never
  /** Rolls back what is open and gives the client back; at the end of an `await using` block this is done for you. */
  release(): Promise<void>
}

/** Checks a client out and makes sure that it is given back clean. */
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

/** Checks a client out in the form with a promise. */
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
    // Another owner has it, or `release` was replaced. This one knows: it throws if its checkout is over, and otherwise
    // closes the client, to which no statement is sent that could belong to another owner.
    try {
      release.call(client, true)
    } catch {
      // It is over: there is nothing left to give back.
    }
    return
  }
  try {
    // Outside a transaction ROLLBACK does nothing but a notice; it is sent only where a transaction may be open.
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
  // Before ReadyForQuery the status is that of the statement before the last.
  if (typeof getTransactionStatus !== 'function' || readyForQuery === false) return true
  return getTransactionStatus.call(client) !== 'I'
}
