import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { presentQueryText } from '../../src/sql/redaction.ts'
import { randomFrom } from '../core/session-state/random-sql.ts'
import { useDatabase } from '../support/database.ts'

const db = useDatabase()

function redacted(text: string): string {
  return presentQueryText(text, 'redacted') ?? ''
}

describe('a secret put where PostgreSQL takes a literal', () => {
  const secret = 'hunter2x'
  // Each form takes a text that holds no quote, dollar sign or backslash.
  const forms: readonly ((text: string) => string)[] = [
    (text) => `'${text}'`,
    (text) => `'it''s ${text}'`,
    (text) => `'C:\\' || '${text}'`,
    (text) => `E'${text}'`,
    (text) => `e'it\\'s ${text}\\\\'`,
    (text) => `E'a' || 'C:\\' || '${text}'`,
    (text) => `'a'\n  '${text}'`,
    (text) => `E'a'\n'it\\'s ${text}'`,
    (text) => `E'a' -- it's\n'it\\'s ${text}'`,
    (text) => `N'${text}'`,
    (text) => `U&'\\0441${text}'`,
    (text) => `$$${text}$$`,
    (text) => `$$it's ${text}$$`,
    (text) => `$a$ $$ ${text} $$ $a$`,
    (text) => `$a$ x $A$ ${text} $a$`,
    (text) => `$été$ ${text} $été$`,
    (text) => `(/* it's */ '${text}')`,
    (text) => `(/* /* */ it's */ '${text}')`,
    (text) => `(/* ${text} */ 'a')`,
    (text) => `('a' -- ${text}\n)`,
    (text) => `(SELECT '${text}' AS "it's")`,
    (text) => `(SELECT '${text}' AS "a""'b")`,
    (text) => `(SELECT '${text}'::text AS a$b$c)`,
    (text) => `concat('a','${text}')`,
    (text) => `format('%s', 1.5e-3::text || '${text}')`,
  ]

  it('is a form that the server understands', async () => {
    const client = new pg.Client(db.config)
    await client.connect()
    try {
      for (const form of forms) await client.query(`SELECT ${form(secret)}`)
    } finally {
      await client.end()
    }
  })

  it.each(forms.map((form) => [form('...'), form] as const))('is hidden in %j', (_name, form) => {
    expect(redacted(`SELECT ${form(secret)}`)).not.toContain(secret)
  })

  it('is hidden among other literals in any order', () => {
    const random = randomFrom(7)
    for (let run = 0; run < 5000; run++) {
      const chosen = Array.from({ length: 1 + Math.floor(random() * 4) }, () => pick(forms, random)(secret))
      const text = `SELECT ${chosen.join(pick([', ', ',', ' || ', '\n, '], random))}`
      if (redacted(text).includes(secret))
        expect([text, redacted(text)]).toEqual([text, 'without the secret'])
    }
  })

  it('is hidden wherever the text breaks off', () => {
    for (const form of forms) {
      const text = `SELECT 'a', ${form(secret)}, E'it\\'s ${secret}'`
      for (let end = 0; end <= text.length; end++) {
        const cut = text.slice(0, end)
        if (redacted(cut).includes(secret)) expect([cut, redacted(cut)]).toEqual([cut, 'without the secret'])
      }
    }
  })

  it('is hidden as a number in every notation', () => {
    const digits = '8675309'
    for (const number of [
      digits,
      `-${digits}`,
      `${digits}.5`,
      `0.${digits}`,
      `.${digits}`,
      `1e-${digits}`,
      `0x${digits}`,
    ]) {
      for (const text of [
        `SELECT ${number}`,
        `SELECT a WHERE b=${number}`,
        `VALUES(${number},${number})`,
        `f(${number})`,
      ]) {
        expect([text, redacted(text).includes(digits)]).toEqual([text, false])
      }
    }
  })
})

function pick<Item>(items: readonly Item[], random: () => number): Item {
  return items[Math.floor(random() * items.length)] as Item
}
