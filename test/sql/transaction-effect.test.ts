import { describe, expect, it } from 'vitest'
import { endsTransaction, letterAfter, type TransactionLetter } from '../../src/sql/transaction-effect.ts'

describe('the state of a transaction after a text that has succeeded', () => {
  it.each<[TransactionLetter, string, TransactionLetter]>([
    ['I', 'BEGIN', 'T'],
    ['I', ' /* why */ begin isolation level serializable;', 'T'],
    ['I', 'START TRANSACTION', 'T'],
    ['T', 'COMMIT', 'I'],
    ['T', 'end work', 'I'],
    ['E', 'COMMIT', 'I'],
    ['E', 'ABORT', 'I'],
    ['T', 'COMMIT AND CHAIN', 'T'],
    ['T', 'COMMIT AND NO CHAIN', 'I'],
    ['E', 'ROLLBACK AND CHAIN', 'T'],
    ['E', 'ROLLBACK TO SAVEPOINT a', 'T'],
    ['T', "PREPARE TRANSACTION 'a'", 'I'],
    ['I', "COMMIT PREPARED 'a'", 'I'],
    ['T', 'PREPARE a AS SELECT 1', 'T'],
    ['I', 'BEGIN; INSERT INTO a VALUES (1); COMMIT', 'I'],
    ['I', 'SELECT 1; BEGIN', 'T'],
    ['T', 'COMMIT; BEGIN', 'T'],
    ['T', "INSERT INTO a VALUES ('; commit')", 'T'],
    ['T', 'CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; END', 'T'],
    ['T', '', 'T'],
  ])('%s, %s: %s', (before, text, after) => expect(letterAfter(before, text)).toBe(after))
})

describe('the state of a transaction after a text that has failed', () => {
  it.each<[TransactionLetter, string, string, TransactionLetter]>([
    ['I', 'SELECT 1/0', '22012', 'I'],
    ['T', 'SELECT 1/0', '22012', 'E'],
    ['T', 'COMMIT', '23505', 'I'],
    ['E', 'SELECT 1', '25P02', 'E'],
    // Seen as idle until now: the server knows better.
    ['I', 'SELECT 1', '25P02', 'E'],
    ['I', 'BEGIN; SELECT 1/0', '22012', 'E'],
    ['I', 'BEGIN; SELEC 1', '42601', 'I'],
    ['I', 'SELECT 1/0; BEGIN', '22012', 'I'],
    ['I', 'BEGIN; SELECT 1; COMMIT; SELECT 1/0', '22012', 'I'],
    ['T', 'SELECT 1; SELECT 1/0', '22012', 'E'],
    ['T', 'SELECT 1; SELEC 1', '42601', 'E'],
  ])('%s, %s with %s: %s', (before, text, code, after) => expect(letterAfter(before, text, code)).toBe(after))
})

it.each<[string, boolean]>([
  ['commit', true],
  ['ROLLBACK;', true],
  ["prepare transaction 'a'", true],
  ['rollback to s0', false],
  ['commit and chain', false],
  ['commit; begin', false],
  ['select 1', false],
])('ends its transaction: %s, %s', (text, ends) => expect(endsTransaction(text)).toBe(ends))
