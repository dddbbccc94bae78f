import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { describeValue } from '../src/errors.ts'
import * as face from '../src/index.ts'

const reference = { id: 'f1', kind: 'idle-transaction', origin: 'src/users.ts:12:3' }
const cause = new Error('server said no')

const errors: readonly [name: string, code: string, error: face.LifeguardError, message: string][] = [
  [
    'OptionError',
    'LIFEGUARD_OPTION',
    new face.OptionError('limits.holdMillis', 'must be a positive number', '30s'),
    'limits.holdMillis must be a positive number, got "30s"',
  ],
  ['WatchError', 'LIFEGUARD_WATCH', new face.WatchError('no pool'), 'no pool'],
  [
    'ClosedError',
    'LIFEGUARD_CLOSED',
    new face.ClosedError('lifeguard.watch'),
    'lifeguard.watch was called after lifeguard.close()',
  ],
  [
    'TransactionRolledBackError',
    'LIFEGUARD_TRANSACTION_ROLLED_BACK',
    new face.TransactionRolledBackError(reference),
    'The transaction was rolled back by pg-lifeguard (idle-transaction, checked out at src/users.ts:12:3): statements are refused until ROLLBACK or release',
  ],
  [
    'SessionDestroyedError',
    'LIFEGUARD_SESSION_DESTROYED',
    new face.SessionDestroyedError({ id: 'f2', kind: 'busy-release' }),
    'The session was destroyed by pg-lifeguard (busy-release): its client can no longer be used',
  ],
  [
    'SessionReleasedError',
    'LIFEGUARD_SESSION_RELEASED',
    new face.SessionReleasedError(),
    'session.query was called after the session was released',
  ],
  [
    'PoolDeadlockError',
    'LIFEGUARD_POOL_DEADLOCK',
    new face.PoolDeadlockError({ id: 'f3', kind: 'pool-deadlock' }, 'pool main: all 2 clients are taken'),
    'Rejected by pg-lifeguard to end a deadlock in the pool\npool main: all 2 clients are taken',
  ],
  ['PoolExhaustedError', 'LIFEGUARD_POOL_EXHAUSTED', new face.PoolExhaustedError('all taken'), 'all taken'],
  [
    'LostCommitError',
    'LIFEGUARD_LOST_COMMIT',
    new face.LostCommitError(),
    'COMMIT was answered by ROLLBACK: a statement of the transaction had failed, nothing was saved',
  ],
]

describe.each(errors)('%s', (name, code, error, message) => {
  it('is an error of this library, with a code that stays', () => {
    expect(error).toBeInstanceOf(Error)
    expect(error).toBeInstanceOf(face.LifeguardError)
    expect(error.code).toBe(code)
    expect(error.message).toBe(message)
  })

  it('has its name, which is no property to be logged', () => {
    expect(error.name).toBe(name)
    expect(String(error)).toBe(`${name}: ${message}`)
    expect(Object.keys(error)).not.toContain('name')
    expect(JSON.parse(JSON.stringify(error))).toMatchObject({ code })
  })

  it('is printed with its name and its code', () => {
    const printed = inspect(error)
    expect(printed.startsWith(`${name}: ${message}`)).toBe(true)
    expect(printed).toContain(`code: '${code}'`)
  })
})

it('covers every error that there is', () => {
  const exported = Object.entries(face)
    .filter(([, value]) => typeof value === 'function' && value.prototype instanceof face.LifeguardError)
    .map(([name]) => name)
  expect(exported.sort()).toEqual(errors.map(([name]) => name).sort())
})

it.each(errors)('%s has its code as a static property, too', (name, code) => {
  expect(Reflect.get(face, name)).toHaveProperty('code', code)
})

it('is no instance of a class of the user that extends it', () => {
  class MyError extends face.WatchError {}
  expect(new face.WatchError('no pool')).not.toBeInstanceOf(MyError)
  expect(new MyError('mine')).toBeInstanceOf(face.WatchError)
  expect(new face.ClosedError('mine')).not.toBeInstanceOf(face.WatchError)
})

it('names the page about it: that of its finding, or that of its class', () => {
  expect(new face.SessionDestroyedError(reference).docs).toBe('docs/findings.md#idle-transaction')
  expect(new face.SessionReleasedError().docs).toBe('docs/reference.md#errors')
  expect(new face.LostCommitError().docs).toBe('docs/findings.md#lost-commit')
})

it('has no code twice', () => {
  expect(new Set(errors.map(([, code]) => code)).size).toBe(errors.length)
})

describe('errors of a remedy', () => {
  it.each([face.TransactionRolledBackError, face.SessionDestroyedError])(
    'carry the finding, and the error that they stand for',
    (RemedyError) => {
      const error = new RemedyError(reference, { cause })
      expect(error.finding).toBe(reference)
      expect(error.cause).toBe(cause)
      expect(new RemedyError(reference)).not.toHaveProperty('cause')
    },
  )
})

it('names a class of the user that extends one of them', () => {
  class MyError extends face.WatchError {}
  expect(new MyError('mine').name).toBe('MyError')
})

describe('a value in a message', () => {
  class Pool {}
  it.each<[unknown, string]>([
    ['text', '"text"'],
    ['a "quoted" text\nof two lines', '"a \\"quoted\\" text\\nof two lines"'],
    ['\u001b[31mred', '"\\u001b[31mred"'],
    ['', '""'],
    ['x'.repeat(60), `"${'x'.repeat(60)}"`],
    ['x'.repeat(61), `"${'x'.repeat(60)}..."`],
    [42, '42'],
    [-0.5, '-0.5'],
    [Number.NaN, 'NaN'],
    [10n, '10n'],
    [true, 'true'],
    [undefined, 'undefined'],
    [null, 'null'],
    [Symbol('s'), 'Symbol(s)'],
    [function load() {}, 'function load'],
    [() => {}, 'function (anonymous)'],
    [Pool, 'function Pool'],
    [[1, 2, 3], 'an array of 3'],
    [{ secret: 'x' }, 'an object'],
    [Object.create(null), 'an object'],
    [new Pool(), 'a Pool'],
    [new Map(), 'a Map'],
    [{ constructor: 'mine' }, 'an object'],
    [{ constructor: null }, 'an object'],
  ])('is written as a reader would: %o', (value, text) => {
    expect(describeValue(value)).toBe(text)
  })
})
