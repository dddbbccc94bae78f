import { describe, expect, it } from 'vitest'
import { SessionChanges } from '../../../src/core/session-state/changes.ts'
import { describeItem } from '../../../src/core/session-state/item.ts'
import { after, type Step } from './session-steps.ts'

function leftBy(steps: readonly (Step | string)[], sure = true): string[] {
  return after(steps)
    .left(sure)
    .map(({ item }) => describeItem(item))
}

const lock = (value: unknown) => [{ lock: value }]

describe('what an owner leaves in its session', () => {
  it.each<[string, (Step | string)[], string[]]>([
    ['a setting', ['SET search_path TO app'], ['search_path']],
    [
      'several things',
      ['SET ROLE a', 'LISTEN b', 'CREATE TEMP TABLE c (d int)'],
      ['role', 'LISTEN b', 'temporary c'],
    ],
    ['nothing that was reset', ['SET search_path TO app', 'RESET search_path'], []],
    ['nothing that was reset with the others', ['SET search_path TO app', 'RESET ALL'], []],
    ['the role, which RESET ALL spares', ['SET ROLE tenant', 'RESET ALL'], ['role']],
    ['nothing after DISCARD ALL', ['SET ROLE tenant', 'LISTEN a', 'DISCARD ALL'], []],
    ['nothing that failed', [{ text: 'SET search_path TO app', fails: true }], []],
    ['what a transaction has committed', ['BEGIN', 'SET ROLE tenant', 'COMMIT'], ['role']],
    ['nothing that was rolled back', ['BEGIN', 'SET ROLE tenant', 'ROLLBACK'], []],
    ['nothing of a transaction that is still open', ['BEGIN', 'SET ROLE tenant'], []],
    [
      'nothing of a transaction that failed, though COMMIT was sent',
      [
        'BEGIN',
        'SET ROLE tenant',
        { text: 'SELECT 1/0', fails: true, letter: 'E' },
        { text: 'COMMIT', command: 'ROLLBACK' },
      ],
      [],
    ],
    [
      'what was reset in a transaction that was rolled back',
      ['SET ROLE a', 'BEGIN', 'RESET ROLE', 'ROLLBACK'],
      ['role'],
    ],
    [
      'nothing that was rolled back to a savepoint',
      ['BEGIN', 'SAVEPOINT s', 'SET ROLE a', 'ROLLBACK TO s', 'COMMIT'],
      [],
    ],
    [
      'what came before the savepoint',
      ['BEGIN', 'SET ROLE a', 'SAVEPOINT s', 'LISTEN b', 'ROLLBACK TO s', 'COMMIT'],
      ['role'],
    ],
    [
      'what came before the inner of two savepoints',
      ['BEGIN', 'SAVEPOINT a', 'SET ROLE a', 'SAVEPOINT b', 'LISTEN b', 'ROLLBACK TO b', 'COMMIT'],
      ['role'],
    ],
    ['what one text has set and committed', ['BEGIN; SET ROLE tenant; COMMIT'], ['role']],
    ['nothing that one text has set and rolled back', ['BEGIN; SET ROLE tenant; ROLLBACK'], []],
    [
      'a transaction that ends with a text of somebody else',
      ['BEGIN', 'SET ROLE a', { text: '', command: 'ROLLBACK', letter: 'I' }],
      [],
    ],
    ['one setting twice to the same', ['SET search_path TO a', 'SET search_path TO a'], ['search_path']],
    [
      'no setting that may have been set back by hand',
      ['SET search_path TO a', 'SET search_path TO public'],
      [],
    ],
    [
      'no setting of two values that are not known',
      ["SELECT set_config('a.b', $1, false)", "SELECT set_config('a.b', $1, false)"],
      [],
    ],
    ['a setting that was reset in between', ['SET ROLE a', 'RESET ROLE', 'SET ROLE b'], ['role']],
    ['an advisory lock', [{ text: 'SELECT pg_advisory_lock(1)', rows: lock('') }], ['an advisory lock']],
    [
      'no advisory lock that was not granted',
      [{ text: 'SELECT pg_try_advisory_lock(1)', rows: lock(false) }],
      [],
    ],
    [
      'an advisory lock that was granted',
      [{ text: 'SELECT pg_try_advisory_lock(1)', rows: lock(true) }],
      ['an advisory lock'],
    ],
    [
      'no advisory lock that was given back',
      [
        { text: 'SELECT pg_advisory_lock(1)', rows: lock('') },
        { text: 'SELECT pg_advisory_unlock(1)', rows: lock(true) },
      ],
      [],
    ],
    [
      'an advisory lock of which another one was given back',
      [
        { text: 'SELECT pg_advisory_lock(1)', rows: lock('') },
        { text: 'SELECT pg_advisory_unlock(2)', rows: lock(false) },
      ],
      ['an advisory lock'],
    ],
    [
      'an advisory lock after ROLLBACK, which does not give it back',
      ['BEGIN', { text: 'SELECT pg_advisory_lock(1)', rows: lock('') }, 'ROLLBACK'],
      ['an advisory lock'],
    ],
    [
      'no advisory lock of two that were given back one by one',
      [
        {
          text: 'SELECT pg_try_advisory_lock(1) AS a, pg_try_advisory_lock(2) AS b, true AS c',
          rows: [{ a: true, b: true, c: true }],
        },
        { text: 'SELECT pg_advisory_unlock(1)', rows: lock(true) },
        { text: 'SELECT pg_advisory_unlock(2)', rows: lock(true) },
      ],
      [],
    ],
    [
      'no advisory lock where the answer does not show how many were given back',
      [
        { text: 'SELECT pg_advisory_lock(1)', rows: lock('') },
        { text: 'SELECT count(pg_advisory_unlock(id)) FROM t', rows: [{ count: '1' }] },
      ],
      [],
    ],
    [
      'no advisory lock where the answer does not show whether it was granted',
      [{ text: 'SELECT id FROM jobs WHERE pg_try_advisory_lock(id)', rows: [{ id: 1 }] }],
      [],
    ],
    ['a prepared statement after ROLLBACK', ['BEGIN', 'PREPARE p AS SELECT 1', 'ROLLBACK'], ['PREPARE p']],
    [
      'no prepared statement, though ROLLBACK came after DEALLOCATE',
      ['PREPARE p AS SELECT 1', 'BEGIN', 'DEALLOCATE p', 'ROLLBACK'],
      [],
    ],
    [
      'no cursor, though ROLLBACK came after CLOSE',
      ['DECLARE c CURSOR WITH HOLD FOR SELECT 1', 'BEGIN', 'CLOSE c', 'ROLLBACK'],
      [],
    ],
    [
      'nothing that was rolled back behind a savepoint that was given up',
      [
        'BEGIN',
        'SAVEPOINT a',
        'SET ROLE a',
        'SAVEPOINT b',
        'LISTEN b',
        'RELEASE b',
        'ROLLBACK TO a',
        'COMMIT',
      ],
      [],
    ],
    [
      'what was kept when a savepoint was given up',
      ['BEGIN', 'SAVEPOINT a', 'SET ROLE a', 'RELEASE SAVEPOINT a', 'SAVEPOINT b', 'ROLLBACK TO b', 'COMMIT'],
      ['role'],
    ],
    [
      'what a savepoint brings back',
      ['SET ROLE a', 'BEGIN', 'SAVEPOINT a', 'RESET ROLE', 'ROLLBACK TO a', 'COMMIT'],
      ['role'],
    ],
    [
      'no setting of the transaction alone',
      ['BEGIN', "SET transaction_isolation TO 'serializable'", 'COMMIT'],
      [],
    ],
    ['no role in quotes that is none', ["SET ROLE 'none'"], []],
    [
      'no setting of set_config that found no row',
      [{ text: "SELECT set_config('a.b', id, false) FROM tenants WHERE slug = $1", rows: [] }],
      [],
    ],
    [
      'a setting of set_config that found a row',
      [{ text: "SELECT set_config('a.b', id, false) FROM tenants", rows: [{ set_config: '7' }] }],
      ['a.b'],
    ],
    [
      'no setting of set_config under a condition',
      [{ text: "SELECT CASE WHEN $1 THEN set_config('a.b', '7', false) END", rows: [{ case: null }] }],
      [],
    ],
    [
      'no advisory lock that an aggregate may have taken for no row',
      [{ text: 'SELECT count(pg_advisory_lock(id)) FROM t', rows: [{ count: '0' }] }],
      [],
    ],
    [
      'no advisory lock under a condition',
      [{ text: 'SELECT CASE WHEN $1 THEN pg_advisory_lock(1) END', rows: [{ case: null }] }],
      [],
    ],
    [
      'no advisory lock where an operator stands between the answer and what was granted',
      [
        { text: 'SELECT NOT pg_try_advisory_lock(1) AS busy', rows: [{ busy: true }] },
        { text: 'SELECT pg_try_advisory_lock(2) IS FALSE AS busy', rows: [{ busy: true }] },
      ],
      [],
    ],
    [
      'no advisory locks of which an aggregate says that all were given back',
      [
        { text: 'SELECT pg_advisory_lock(id) FROM t', rows: [...lock(''), ...lock('')] },
        { text: 'SELECT bool_and(pg_advisory_unlock(id)) FROM t', rows: [{ bool_and: true }] },
      ],
      [],
    ],
    [
      'an advisory lock in a column with a name, a cast or a schema',
      [{ text: 'SELECT 1, pg_catalog.pg_advisory_lock(hashtext($1))::text "lock" FROM t', rows: lock('') }],
      ['an advisory lock'],
    ],
    [
      'nothing for certain of a temporary table that was renamed',
      ['CREATE TEMP TABLE t (i int)', 'ALTER TABLE t RENAME TO u', 'DROP TABLE u'],
      [],
    ],
    [
      'nothing for certain of what may have hung on a dropped one',
      ['CREATE TEMP TABLE t (i int)', 'CREATE TEMP VIEW v AS SELECT * FROM t', 'DROP TABLE t CASCADE'],
      [],
    ],
    [
      'nothing for certain after a block or a procedure, which may have put it right',
      [{ text: 'SELECT pg_advisory_lock(1)', rows: lock('') }, 'SET ROLE a', 'DO $$ $$', 'CALL tidy()'],
      [],
    ],
    [
      'what a block may have put right in a transaction that was rolled back',
      ['SET ROLE a', 'BEGIN', 'DO $$ $$', 'ROLLBACK'],
      ['role'],
    ],
    ['what came after the block', ['DO $$ $$', 'SET ROLE a'], ['role']],
    [
      'nothing by set_config whose third argument is an expression',
      ["SELECT set_config('a', 'b', false OR true)"],
      [],
    ],
    [
      'no advisory locks after pg_advisory_unlock_all',
      [
        { text: 'SELECT pg_advisory_lock(id) FROM t', rows: [...lock(''), ...lock('')] },
        'SELECT pg_advisory_unlock_all()',
      ],
      [],
    ],
  ])('%s', (_fact, steps, left) => {
    expect(leftBy(steps)).toEqual(left)
  })

  it.each([
    ['CREATE TEMP TABLE t (i int)', 'ALTER TABLE t RENAME TO u'],
    ['SET ROLE a', 'CALL tidy()'],
    ['SET ROLE a', 'DROP SCHEMA s CASCADE'],
    [{ text: "SELECT 1 FROM t WHERE set_config('a.b', '7', false) = '8'", rows: [] }],
  ])('keeps what may be left, to be asked for: %s', (...steps) => {
    expect(leftBy(steps, false)).toHaveLength(1)
  })

  it('names what may have been set back by hand, where it is asked for that, too', () => {
    expect(leftBy(['SET search_path TO a', 'SET search_path TO public'], false)).toEqual(['search_path'])
  })

  it('is known though instrumentation has added a comment', () => {
    const changes = new SessionChanges()
    changes.sending('SET ROLE a', undefined, true)
    changes.answered({ text: "SET ROLE a /*traceparent='0'*/", command: 'SET', rows: undefined }, 'I')
    expect(changes.left(true).map(({ item }) => describeItem(item))).toEqual(['role'])
  })

  it.each([
    { text: 'SELECT done FROM jobs WHERE pg_try_advisory_lock(id)', rows: [{ done: false }] },
    { text: 'SELECT count(pg_advisory_lock(id)) FROM t', rows: [{ count: '3' }] },
    { text: "SELECT CASE WHEN $1 THEN set_config('a.b', '7', false) END", rows: [{ case: '7' }] },
  ])('asks again where the answer does not show what was called: $text', (step) => {
    expect(leftBy([step], false)).toHaveLength(1)
    expect(leftBy([step, { text: 'SELECT pg_advisory_unlock(1)', rows: lock(true) }], false)).toHaveLength(1)
  })

  it('asks again for advisory locks where the answer does not show how many there are', () => {
    const step = { text: 'SELECT id FROM jobs WHERE pg_try_advisory_lock(id)', rows: [{ id: 1 }] }
    expect(leftBy([step], false)).toEqual(['an advisory lock'])
  })
})
