import { describeValue, LostCommitError, OptionError } from './errors.ts'
import { type ClientOf, checkOut, giveBackClean, type SessionPool } from './session.ts'

export interface TransactionOptions {
  /** Default: the server's, usually `read committed`. */
  readonly isolation?: 'read committed' | 'repeatable read' | 'serializable'
  readonly readOnly?: boolean
  /** Only with `serializable` and `readOnly`: waits for a snapshot that cannot fail. */
  readonly deferrable?: boolean
  /** How often the whole of `work` is run again after a serialization failure or a deadlock. Default 0. */
  readonly retries?: number
}

const isolations = ['read committed', 'repeatable read', 'serializable']
/** serialization_failure and deadlock_detected: PostgreSQL asks to try the transaction again. */
const retryable = new Set(['40001', '40P01'])

export async function runTransaction<Pool extends SessionPool, Result>(
  pool: Pool,
  work: (client: ClientOf<Pool>) => Promise<Result>,
  options: TransactionOptions = {},
): Promise<Result> {
  const begin = beginStatement(options)
  const retries = options.retries ?? 0
  for (let attempt = 0; ; attempt++) {
    try {
      return await attemptTransaction(pool, begin, work)
    } catch (error) {
      const code: unknown =
        typeof error === 'object' && error !== null ? Reflect.get(error, 'code') : undefined
      if (attempt >= retries || typeof code !== 'string' || !retryable.has(code)) throw error
    }
  }
}

async function attemptTransaction<Pool extends SessionPool, Result>(
  pool: Pool,
  begin: string,
  work: (client: ClientOf<Pool>) => Promise<Result>,
): Promise<Result> {
  const client = await checkOut(pool)
  const { release } = client
  let result: Result
  try {
    await client.query(begin)
    result = await work(client)
    const committed = (await client.query('COMMIT')) as { readonly command?: unknown } | undefined
    if (committed?.command === 'ROLLBACK') throw new LostCommitError()
  } catch (error) {
    // What the work has thrown is what the caller needs to know, also if the work has released the client itself.
    await giveBackClean(client, release).catch(() => {})
    throw error
  }
  release.call(client)
  return result
}

function beginStatement(options: TransactionOptions): string {
  if (typeof options !== 'object' || options === null) {
    throw new OptionError('transaction(pool, work, options)', 'must be an object', options)
  }
  const { isolation, readOnly, deferrable, retries, ...rest } = options
  for (const [name, value] of Object.entries(rest)) {
    throw new OptionError(
      `transaction.${name}`,
      'is not an option (there are isolation, readOnly, deferrable, retries)',
      value,
    )
  }
  if (isolation !== undefined && !isolations.includes(isolation)) {
    throw new OptionError(
      'transaction.isolation',
      `must be ${isolations.map(describeValue).join(' or ')}`,
      isolation,
    )
  }
  for (const [name, value] of Object.entries({ readOnly, deferrable })) {
    if (value !== undefined && typeof value !== 'boolean') {
      throw new OptionError(`transaction.${name}`, 'must be true or false', value)
    }
  }
  if (retries !== undefined && !(Number.isInteger(retries) && retries >= 0)) {
    throw new OptionError('transaction.retries', 'must be a whole number from 0', retries)
  }
  return [
    'BEGIN',
    isolation === undefined ? '' : ` ISOLATION LEVEL ${isolation.toUpperCase()}`,
    readOnly === true ? ' READ ONLY' : '',
    deferrable === true ? ' DEFERRABLE' : '',
  ].join('')
}
