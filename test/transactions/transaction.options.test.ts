import { describe, expect, it } from 'vitest'
import { OptionError, type TransactionOptions } from '../../src/index.ts'
import { useGuardedTransactions } from './guarded-transactions.ts'

const { pool, lifeguard } = useGuardedTransactions({ max: 3 })

describe('options of a transaction', () => {
  it.each<[TransactionOptions, { isolation: string; readOnly: string; deferrable: string }]>([
    [{}, { isolation: 'read committed', readOnly: 'off', deferrable: 'off' }],
    [{ isolation: 'read committed' }, { isolation: 'read committed', readOnly: 'off', deferrable: 'off' }],
    [{ isolation: 'repeatable read' }, { isolation: 'repeatable read', readOnly: 'off', deferrable: 'off' }],
    [
      { isolation: 'serializable', readOnly: true, deferrable: true },
      { isolation: 'serializable', readOnly: 'on', deferrable: 'on' },
    ],
    [{ readOnly: true }, { isolation: 'read committed', readOnly: 'on', deferrable: 'off' }],
    [
      { readOnly: false, retries: 0 },
      { isolation: 'read committed', readOnly: 'off', deferrable: 'off' },
    ],
  ])('%o reach the server', async (options, expected) => {
    const { rows } = await lifeguard.transaction(
      pool,
      (client) =>
        client.query(`SELECT current_setting('transaction_isolation') AS isolation,
          current_setting('transaction_read_only') AS "readOnly",
          current_setting('transaction_deferrable') AS deferrable`),
      options,
    )
    expect(rows).toEqual([expected])
  })

  it.each<[unknown, string]>([
    [
      { isolationLevel: 'serializable' },
      'unknown option transaction.isolationLevel; did you mean transaction.isolation? (got "serializable")',
    ],
    [
      { isolation: 'snapshot' },
      'transaction.isolation must be "read committed", "repeatable read" or "serializable", got "snapshot"',
    ],
    [{ isolation: 'serializable; DROP TABLE items; --' }, 'transaction.isolation must be'],
    [{ isolation: null }, 'transaction.isolation must be'],
    [{ readOnly: 'yes' }, 'transaction.readOnly must be true or false, got "yes"'],
    [{ deferrable: 1 }, 'transaction.deferrable must be true or false, got 1'],
    [{ retries: -1 }, 'transaction.retries must be a whole number, 0 or more, got -1'],
    [{ retries: 1.5 }, 'transaction.retries must be a whole number, 0 or more, got 1.5'],
    [{ retries: '3' }, 'transaction.retries must be a whole number, 0 or more, got "3"'],
    [
      { retries: Number.POSITIVE_INFINITY },
      'transaction.retries must be a whole number, 0 or more, got Infinity',
    ],
    [{ retries: null }, 'transaction.retries must be a whole number, 0 or more, got null'],
    [null, 'transaction(pool, work, options) must be an object, got null'],
    ['serializable', 'transaction(pool, work, options) must be an object, got "serializable"'],
  ])('are refused before a client is taken: %o', async (options, message) => {
    let worked = false
    const attempt = lifeguard.transaction(
      pool,
      async () => {
        worked = true
      },
      options as TransactionOptions,
    )
    const error = await attempt.catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(OptionError)
    expect((error as OptionError).message).toContain(message)
    expect(worked).toBe(false)
    expect(lifeguard.snapshot().checkouts).toEqual([])
  })
})
