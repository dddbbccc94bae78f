import { describe, expect, it } from 'vitest'
import { presentQueryText } from '../../src/sql/redaction.ts'
import { texts } from '../core/session-state/random-sql.ts'
import { expectQuick } from '../support/quick.ts'

function redacted(text: string): string {
  return presentQueryText(text, 'redacted') ?? ''
}

describe('what a mode shows', () => {
  it('shows nothing of a text that is not there', () => {
    expect(presentQueryText(undefined, 'full')).toBeUndefined()
    expect(presentQueryText(undefined, 'redacted')).toBeUndefined()
  })

  it("shows nothing in mode 'none'", () => {
    expect(presentQueryText('SELECT 1', 'none')).toBeUndefined()
  })

  it("shows every literal in mode 'full'", () => {
    const text = "SELECT 'a', 1 /* why */\nFROM t"
    expect(presentQueryText(text, 'full')).toBe(text)
  })
})

describe('redacted text', () => {
  it.each([
    // Strings
    ["SELECT 'secret'", 'SELECT ?'],
    ["SELECT ''", 'SELECT ?'],
    ["SELECT ''''", 'SELECT ?'],
    ["SELECT 'it''s secret'", 'SELECT ?'],
    ["SELECT 'secret' || 'secret'", 'SELECT ? || ?'],
    ["SELECT 'C:\\', 'secret'", 'SELECT ?, ?'],
    ["SELECT E'it\\'s secret'", 'SELECT ?'],
    ["SELECT e'secret\\\\', 'secret'", 'SELECT ?, ?'],
    ["SELECT E'it''s\\n''secret'", 'SELECT ?'],
    ["SELECT N'secret', B'1010', x'1F'", 'SELECT ?, ?, ?'],
    ["SELECT U&'\\0441secret'", 'SELECT U&?'],
    ["SELECT 'a'\n  'secret'", 'SELECT ?'],
    ["SELECT DATE '2026-01-01'", 'SELECT DATE ?'],
    ["SELECT 'secret'::text", 'SELECT ?::text'],
    ["SELECT 'secret -- no comment' FROM t", 'SELECT ? FROM t'],
    ["SELECT 'secret /* no comment' FROM t", 'SELECT ? FROM t'],
    // Dollar quotes
    ['SELECT $$secret$$', 'SELECT ?'],
    ["SELECT $$it's secret$$", 'SELECT ?'],
    ['SELECT $tag$secret$tag$', 'SELECT ?'],
    ['SELECT $a$ $b$ secret $b$ $a$, 1', 'SELECT ?, ?'],
    ['SELECT $a$ $$ secret $$ $a$ FROM t', 'SELECT ? FROM t'],
    ['SELECT $a$ x $A$ secret $a$ FROM t', 'SELECT ? FROM t'],
    ['SELECT $été$secret$été$ FROM t', 'SELECT ? FROM t'],
    ['SELECT $_1$secret$_1$', 'SELECT ?'],
    ['DO $$ BEGIN PERFORM 1; END $$', 'DO ?'],
    // Numbers
    ['SELECT 42', 'SELECT ?'],
    ['SELECT -42', 'SELECT -?'],
    ['SELECT 4.2, .42, 42., 4e2, 4.2E-10, 4e+2', 'SELECT ?, ?, ?, ?, ?, ?'],
    ['SELECT 0xDEADBEEF, 0b101, 0o17, 0Xff', 'SELECT ?, ?, ?, ?'],
    ['SELECT 1_000_000', 'SELECT ?'],
    ['WHERE id=42 AND x>7', 'WHERE id=? AND x>?'],
    ['LIMIT 10 OFFSET 20', 'LIMIT ? OFFSET ?'],
    ['SELECT a[1:2]', 'SELECT a[?:?]'],
    // What stays
    ['SELECT t1.col_2 FROM schema3.t1', 'SELECT t1.col_2 FROM schema3.t1'],
    ['SELECT été2 FROM naïve1', 'SELECT été2 FROM naïve1'],
    ['SELECT a$1 FROM b$c', 'SELECT a$1 FROM b$c'],
    [`SELECT "col 1", "it's 2", "a""b 3"`, `SELECT "col 1", "it's 2", "a""b 3"`],
    ['SELECT $1, $23', 'SELECT $1, $23'],
    ['SELECT $1$$secret$$', 'SELECT $1?'],
    ["SELECT x'1F', fee'sec\\', 'ret'", 'SELECT ?, fee ?, ?'],
    ["SELECT e, 'secret'", 'SELECT e, ?'],
    ['select * from T where A <> B', 'select * from T where A <> B'],
    // Comments
    ['SELECT 1 -- secret', 'SELECT ?'],
    ["SELECT a -- it's secret\nFROM t", 'SELECT a FROM t'],
    ["SELECT /* it's secret */ a", 'SELECT a'],
    ['SELECT/* secret */a', 'SELECT a'],
    ['SELECT a /* one /* two */ secret */ FROM t', 'SELECT a FROM t'],
    ["SELECT a /* /* */ it's */ FROM t WHERE b = 'secret'", 'SELECT a FROM t WHERE b = ?'],
    ['SELECT a /* secret', 'SELECT a'],
    ['SELECT 2*/* secret */3', 'SELECT ?* ?'],
    // Not closed: the rest is hidden
    ["SELECT 'secret", 'SELECT ?'],
    ["SELECT 'it''s secret, 42 FROM t", 'SELECT ?'],
    ["SELECT E'it\\'s secret", 'SELECT ?'],
    ["SELECT E'it\\'s secret\\", 'SELECT ?'],
    ['SELECT $$secret', 'SELECT ?'],
    ['SELECT $a$secret$b$', 'SELECT ?'],
    // Shape
    ['  SELECT\n\ta,\r\n  b  ', 'SELECT a, b'],
    ['', ''],
  ])('of %j is %j', (text, expected) => {
    expect(redacted(text)).toBe(expected)
  })

  it.each([
    ["ALTER ROLE app PASSWORD 'secret'", 'ALTER ROLE app PASSWORD ?'],
    [
      "CREATE USER app WITH LOGIN PASSWORD E'sec\\'ret' VALID UNTIL '2027-01-01'",
      'CREATE USER app WITH LOGIN PASSWORD ? VALID UNTIL ?',
    ],
    ['CREATE ROLE app ENCRYPTED PASSWORD $$secret$$', 'CREATE ROLE app ENCRYPTED PASSWORD ?'],
    [
      "CREATE SUBSCRIPTION s CONNECTION 'host=h password=secret' PUBLICATION p",
      'CREATE SUBSCRIPTION s CONNECTION ? PUBLICATION p',
    ],
    ["SELECT dblink_connect('postgres://u:secret@h/d')", 'SELECT dblink_connect(?)'],
    [
      "CREATE USER MAPPING FOR app SERVER s OPTIONS (user 'u', password 'secret')",
      'CREATE USER MAPPING FOR app SERVER s OPTIONS (user ?, password ?)',
    ],
    [
      "CREATE SERVER s FOREIGN DATA WRAPPER w OPTIONS (host 'h', passfile 'secret')",
      'CREATE SERVER s FOREIGN DATA WRAPPER w OPTIONS (host ?, passfile ?)',
    ],
    [
      "COPY t FROM PROGRAM 'curl -u app:secret h' WITH (FORMAT csv)",
      'COPY t FROM PROGRAM ? WITH (FORMAT csv)',
    ],
    ["NOTIFY jobs, 'secret'", 'NOTIFY jobs, ?'],
    ["SELECT set_config('app.token', E'secret', false)", 'SELECT set_config(?, ?, false)'],
    ["SELECT pg_notify('jobs', $$secret$$)", 'SELECT pg_notify(?, ?)'],
    ['DO $do$ BEGIN EXECUTE $$ALTER ROLE app PASSWORD secret$$; END $do$', 'DO ?'],
    // Values of settings need no quotes
    ["SET app.token = 'secret'", 'SET app.token = ?'],
    ['SET app.token = secret', 'SET app.token = ?'],
    ['set app.token=secret', 'set app.token=?'],
    ['SET app.token TO secret;', 'SET app.token TO ?;'],
    ['SET app.token TO "secret"', 'SET app.token TO ?'],
    ['SET "app"."token" = "secret"', 'SET "app"."token" = ?'],
    ['SET app . token = secret', 'SET app . token = ?'],
    ['SET app.token = U&"secret" UESCAPE \'!\'', 'SET app.token = ?'],
    ['SET LOCAL app.token = secret', 'SET LOCAL app.token = ?'],
    ['SET SESSION app.token TO secret', 'SET SESSION app.token TO ?'],
    ['SET app.tokens = a, "secret", \'c\'', 'SET app.tokens = ?'],
    ['SET app.token = /* of */ secret -- secret', 'SET app.token = ?'],
    ['BEGIN; SET LOCAL app.token = secret; SELECT 1', 'BEGIN; SET LOCAL app.token = ?; SELECT ?'],
    ['ALTER ROLE app SET app.token = secret', 'ALTER ROLE app SET app.token = ?'],
    [
      'ALTER USER app IN DATABASE d SET app.token TO "secret"',
      'ALTER USER app IN DATABASE d SET app.token TO ?',
    ],
    ['ALTER DATABASE d SET app.token = secret', 'ALTER DATABASE d SET app.token = ?'],
    ['ALTER SYSTEM SET app.token = secret', 'ALTER SYSTEM SET app.token = ?'],
    ['ALTER FUNCTION f() SET app.token TO secret', 'ALTER FUNCTION f() SET app.token TO ?'],
    [
      'CREATE FUNCTION f() RETURNS int LANGUAGE sql SET app.token TO secret AS $$SELECT 1$$',
      'CREATE FUNCTION f() RETURNS int LANGUAGE sql SET app.token TO ?',
    ],
    // What the server refuses is the last statement of a transaction all the same
    ['SET app.token secret', 'SET app.token ?'],
    ['SET app.token = secret-1!', 'SET app.token = ?'],
    ['ALTER ROLE app PASSWORD secret', 'ALTER ROLE app PASSWORD ?'],
    ['ALTER USER app WITH PASSWORD "secret-1" LOGIN', 'ALTER USER app WITH PASSWORD ? LOGIN'],
    [
      'CREATE USER MAPPING FOR app SERVER s OPTIONS (password secret)',
      'CREATE USER MAPPING FOR app SERVER s OPTIONS (password ?)',
    ],
    [
      'CREATE SUBSCRIPTION s CONNECTION host=h password=secret PUBLICATION p',
      'CREATE SUBSCRIPTION s CONNECTION host=h password=? PUBLICATION p',
    ],
  ])('of %j hides what must not be known', (text, expected) => {
    expect(redacted(text)).toBe(expected)
  })

  it.each([
    'SET ROLE app',
    'SET LOCAL ROLE app',
    'SET SESSION AUTHORIZATION app',
    'SET TRANSACTION ISOLATION LEVEL SERIALIZABLE',
    'SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY',
    'SET CONSTRAINTS ALL DEFERRED',
    'SET TIME ZONE LOCAL',
    'SET app.token',
    'SET',
    'RESET app.token',
    'UPDATE t SET a = b, c = d WHERE e = f',
    'INSERT INTO t SELECT a FROM b ON CONFLICT (id) DO UPDATE SET a = excluded.a',
    'ALTER TABLE t ALTER COLUMN c SET NOT NULL',
    'ALTER TABLE t ALTER c SET DEFAULT now()',
    'ALTER TABLE t SET SCHEMA s',
    'ALTER TABLE t ADD COLUMN password text',
    'ALTER ROLE app PASSWORD NULL',
    'CREATE TABLE users (password text NOT NULL)',
  ])('of %j shows names and keywords', (text) => {
    expect(redacted(text)).toBe(text)
  })

  it('is cut where a reader has seen enough', () => {
    const columns = Array.from({ length: 200 }, (_, index) => `column_${index}`).join(', ')
    const shown = redacted(`SELECT ${columns} FROM t`)
    expect(shown.length).toBe(303)
    expect(shown.endsWith('...')).toBe(true)
    expect(`SELECT ${columns}`.startsWith(shown.slice(0, -3))).toBe(true)
  })

  it('of a bulk insert of megabytes shows its beginning only, and at once', () => {
    const rows = Array.from({ length: 40_000 }, (_, index) => `(${index}, 'secret it''s ${index}')`).join(
      ', ',
    )
    let shown = ''
    expectQuick(() => {
      shown = redacted(`INSERT INTO items (id, note) VALUES ${rows}`)
    })
    expect(shown.startsWith('INSERT INTO items (id, note) VALUES (?, ?), (?, ?)')).toBe(true)
    expect(shown).not.toContain('secret')
  })

  it('of a long string with escapes hides it wherever the text is cut', () => {
    for (let length = 2300; length < 2500; length++) {
      const text = `SELECT E'it\\'s ${'secret\\\\'.repeat(400).slice(0, length)}`
      expect([length, redacted(text)]).toEqual([length, 'SELECT ?'])
    }
  })

  it('takes no longer for a hostile text than its length explains', () => {
    const hostile = [
      "'",
      "E'",
      "E'\\",
      '/*',
      '*/',
      '--',
      '$',
      '$$',
      '$a$',
      '"',
      '\\',
      ' ',
      '1',
      '1.',
      '.1e',
      'a',
      '\n',
    ]
    for (const piece of hostile) {
      for (const text of [piece.repeat(2 ** 20 / piece.length), `${piece.repeat(600)}x`]) {
        expectQuick(() => redacted(text))
      }
    }
  })

  it('is made of every text, whatever is in it, and never too long', () => {
    for (const text of texts(5000, 2)) {
      const shown = redacted(text)
      if (shown.length > 303 || /[\n\r\t]/.test(shown))
        expect([text, shown]).toEqual([text, 'one short line'])
    }
  })
})
