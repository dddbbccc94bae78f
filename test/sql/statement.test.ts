import { describe, expect, it } from 'vitest'
import { isCommit, isRollback, opensTransaction, statementText } from '../../src/sql/statement.ts'
import { texts } from '../core/session-state/random-sql.ts'
import { expectQuick } from '../support/quick.ts'

const mebibyte = 2 ** 20

describe('statementText', () => {
  it.each([
    ['a text', 'SELECT 1', 'SELECT 1'],
    ['a config', { text: 'SELECT $1', values: ['secret'] }, 'SELECT $1'],
    ['a prepared statement by its name alone', { name: 'get-user', values: [1] }, 'get-user'],
    ['a submittable', { text: 'SELECT 2', submit() {} }, 'SELECT 2'],
    ['a query stream, whose cursor has the text', { cursor: { text: 'SELECT 3' } }, 'SELECT 3'],
  ])('reads %s', (_what, config, text) => {
    expect(statementText(config)).toBe(text)
  })

  it.each([undefined, null, 42, {}, { text: 42 }, { text: null, name: 7 }, { cursor: null }, { cursor: {} }])(
    'finds none in %o',
    (config) => {
      expect(statementText(config)).toBeUndefined()
    },
  )
})

describe('opensTransaction', () => {
  it.each([
    'BEGIN',
    'begin',
    'Begin',
    'BEGIN;',
    ' BEGIN',
    '\tBEGIN',
    '\nBEGIN',
    '\r\nBEGIN',
    '  \n\t begin ;  ',
    'begin isolation level serializable',
    'BEGIN TRANSACTION READ ONLY',
    'BEGIN WORK',
    'START TRANSACTION',
    'start  transaction',
    'start\n\ttransaction isolation level repeatable read, read only',
    '-- a comment\nBEGIN',
    '--\n--\nBEGIN',
    '/* a comment */BEGIN',
    '/* one *//* two */ -- three\n BEGIN',
    "/* it's; not closed by ' */ BEGIN",
    'BEGIN; SELECT 1; COMMIT',
    'SELECT 1; BEGIN',
    'SELECT 1;BEGIN',
    ';begin',
    'SET search_path = x;\n  START TRANSACTION;\n  SELECT 1',
    'COMMIT; BEGIN',
  ])('is true of %j', (text) => {
    expect(opensTransaction(text)).toBe(true)
  })

  it.each([
    '',
    ';',
    ' ',
    '\n',
    'SELECT 1',
    'select begin_date from events',
    "SELECT 'begin'",
    'SELECT "begin" FROM t',
    'INSERT INTO begin_log VALUES (1)',
    'begin_log',
    'beginning',
    'SELECT 1; begin_log()',
    'START',
    'STARTTRANSACTION',
    'START TRANSACTIONS',
    'start_transaction',
    'COMMIT',
    'ROLLBACK',
    'SAVEPOINT begin',
    'SET TRANSACTION READ ONLY',
    '-- BEGIN',
    '/* BEGIN */ SELECT 1',
    '/* BEGIN',
    'SELECT 1; -- BEGIN',
    'SELECT 1;',
    'SELECT 1; ',
    '*BEGIN',
    ')BEGIN',
  ])('is false of %j', (text) => {
    expect(opensTransaction(text)).toBe(false)
  })

  it('takes no longer for a hostile text than its length explains', () => {
    const hostile = [' ', '/*', '--\n', ';', '; ', "'", '/**/', ';begi ', '\n;']
    for (const piece of hostile) expectQuick(() => opensTransaction(piece.repeat(mebibyte / piece.length)))
    expectQuick(() => opensTransaction(`INSERT INTO t VALUES ('${'x;'.repeat(mebibyte / 2)}')`))
    expectQuick(() => opensTransaction(`;${' '.repeat(mebibyte)}x`))
  })
})

describe('isCommit', () => {
  it.each([
    'COMMIT',
    'commit;',
    ' commit work',
    'END',
    'end transaction',
    '/* done */ COMMIT AND CHAIN',
    "PREPARE TRANSACTION 'x'",
  ])('is true of %j', (text) => {
    expect(isCommit(text)).toBe(true)
  })

  it.each([
    '',
    'SELECT 1',
    'committed',
    'ending',
    'end_of_day()',
    'PREPARE x AS SELECT 1',
    'ROLLBACK',
    '-- COMMIT',
  ])('is false of %j', (text) => {
    expect(isCommit(text)).toBe(false)
  })
})

describe('isRollback', () => {
  it.each([
    'ROLLBACK',
    'rollback',
    'ROLLBACK;',
    ' rollback ; ',
    'ROLLBACK WORK',
    'ROLLBACK TRANSACTION;',
    'rollback\n transaction',
    'ROLLBACK AND NO CHAIN',
    'rollback transaction and  no  chain ;',
    'ABORT',
    'abort work;',
    '-- give up\nROLLBACK',
    '/* give up */ ROLLBACK',
    "ROLLBACK /*traceparent='00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'*/",
    'ROLLBACK -- give up',
    'ROLLBACK; -- give up',
  ])('is true of %j', (text) => {
    expect(isRollback(text)).toBe(true)
  })

  it.each([
    '',
    'ROLLBACK TO x',
    'ROLLBACK TO SAVEPOINT x',
    'ROLLBACK WORK TO x',
    'rollback transaction to savepoint x',
    "ROLLBACK PREPARED 'x'",
    'ROLLBACK AND CHAIN',
    'ROLLBACK WORK AND CHAIN',
    'ROLLBACK; INSERT INTO t VALUES (1)',
    'ROLLBACK; BEGIN',
    'ROLLBACK; COMMIT',
    'ROLLBACK INSERT',
    'ROLLBACK /* */ TO x',
    'ROLLBACK -- \n TO x',
    'ROLLBACK /* ; */; INSERT INTO t VALUES (1)',
    'INSERT INTO t VALUES (1); ROLLBACK',
    'ROLLBACKS',
    'rollback_all()',
    'aborted',
    'COMMIT',
    'SELECT 1 -- ROLLBACK',
    '-- ROLLBACK',
    '/* ROLLBACK',
  ])('is false of %j', (text) => {
    expect(isRollback(text)).toBe(false)
  })

  it('takes no longer for a hostile text than its length explains', () => {
    for (const text of [
      `rollback${' '.repeat(50_000)}x`,
      `rollback;${' '.repeat(50_000)}x`,
      `rollback work${'\n'.repeat(50_000)}and`,
      `rollback ${'/**/'.repeat(50_000)}x`,
    ]) {
      expectQuick(() => isRollback(text))
    }
  })
})

it('decides for every text, whatever is in it', () => {
  for (const text of texts(5000)) {
    opensTransaction(text)
    if (isCommit(text) && isRollback(text)) expect(text).toBe('one of the two')
  }
})

it('decides the same twice, although the patterns remember where they were', () => {
  for (const text of ['BEGIN', 'SELECT 1; BEGIN', 'SELECT 1', 'ROLLBACK', 'COMMIT', '/* x */ BEGIN']) {
    const first = [opensTransaction(text), isCommit(text), isRollback(text)]
    expect([opensTransaction(text), isCommit(text), isRollback(text)]).toEqual(first)
  }
})
