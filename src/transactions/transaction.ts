import { readOptions } from '../core/options/read.ts'
import type { OptionTable } from '../core/options/rows.ts'
import { excludeInBundle } from '../core/origin/own-code.ts'
import { LostCommitError } from '../errors.ts'
import { type ClientOf, checkOut, giveBackClean, type SessionPool } from './session.ts'

/** The options of `lifeguard.transaction`. */
export interface TransactionOptions {
  /** Default: the server's, usually `read committed`. */
  readonly isolation?: 'read committed' | 'repeatable read' | 'serializable'
  /** The server refuses statements that write. Default false. */
  readonly readOnly?: boolean
  /** Only with `serializable` and `readOnly`: waits for a snapshot that cannot fail. */
  readonly deferrable?: boolean
  /** The number of times `work` is run again after a serialization failure or a deadlock. Default 0. */
  readonly retries?: number
}

export const transactionOptions = {
  whole: 'transaction(pool, work, options)',
  prefix: 'transaction.',
  rows: {
    isolation: { kind: 'choice', values: ['read committed', 'repeatable read', 'serializable'] },
    readOnly: { kind: 'boolean', default: false },
    deferrable: { kind: 'boolean', default: false },
    retries: { kind: 'count', least: 0, default: 0 },
  },
} as const satisfies OptionTable<TransactionOptions>

/** serialization_failure and deadlock_detected: PostgreSQL's advice is to retry the transaction. */
const retryable = new Set(['40001', '40P01'])

/** `endRunning` ends a statement on the server that the driver has abandoned; it never fails. */
export async function runTransaction<Pool extends SessionPool, Result>(
  pool: Pool,
  work: (client: ClientOf<Pool>) => Promise<Result>,
  options: TransactionOptions = {},
  endRunning: (client: object) => Promise<void> = async () => {},
): Promise<Result> {
  const { retries, ...traits } = readOptions(transactionOptions, options)
  const begin = beginStatement(traits)
  for (let attempt = 0; ; attempt++) {
    try {
      return await attemptTransaction(pool, begin, work, endRunning)
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
  endRunning: (client: object) => Promise<void>,
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
    // The caller needs the error of `work`, even if `work` has released the client itself.
    // ROLLBACK would wait for a statement that has timed out only in the client.
    if (client.release === release) await endRunning(client)
    await giveBackClean(client, release).catch(() => {})
    throw error
  }
  release.call(client)
  return result
}

function beginStatement({
  isolation,
  readOnly,
  deferrable,
}: {
  readonly isolation: TransactionOptions['isolation'] | undefined
  readonly readOnly: boolean
  readonly deferrable: boolean
}): string {
  return [
    'BEGIN',
    isolation === undefined ? '' : ` ISOLATION LEVEL ${isolation.toUpperCase()}`,
    readOnly ? ' READ ONLY' : '',
    deferrable ? ' DEFERRABLE' : '',
  ].join('')
}

excludeInBundle(runTransaction, attemptTransaction)
