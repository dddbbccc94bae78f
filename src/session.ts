/** What `lifeguard.session` and `lifeguard.transaction` need of a client; a `pg.PoolClient` fits. */
export interface SessionClient {
  query: (statement: string) => Promise<unknown>
  release: (error?: Error | boolean) => void
}

/** What they need of a pool; a `pg.Pool` fits. */
export interface SessionPool<Client extends SessionClient> {
  connect(): Promise<Client>
}

/** A checked-out client that is given back at the end of the block. */
export interface Session<Client extends SessionClient> extends AsyncDisposable {
  readonly client: Client
  /** As `client.query`. */
  readonly query: Client['query']
  /** Rolls back what is open and gives the client back; at the end of an `await using` block this is done for you. */
  release(): Promise<void>
}

/** Checks a client out and makes sure that it is given back clean. */
export async function openSession<Client extends SessionClient>(
  pool: SessionPool<Client>,
): Promise<Session<Client>> {
  const client = await pool.connect()
  let released = false

  async function release(): Promise<void> {
    if (released) return
    released = true
    await giveBackClean(client)
  }

  return {
    client,
    query: client.query.bind(client) as Client['query'],
    release,
    [Symbol.asyncDispose]: release,
  }
}

/** Releases a client, rolling back a transaction first. A client that cannot be rolled back is closed. */
export async function giveBackClean(client: SessionClient): Promise<void> {
  try {
    // Outside a transaction ROLLBACK does nothing but a notice; it is sent only where a transaction may be open.
    if (mayBeInTransaction(client)) await client.query('ROLLBACK')
  } catch (error) {
    client.release(error instanceof Error ? error : true)
    return
  }
  client.release()
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
