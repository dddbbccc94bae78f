import { describe, expect, it } from 'vitest'
import type { Invocation } from '../../../src/cli/command.ts'
import { endings } from '../../../src/cli/page/endings.ts'
import { plain } from '../../../src/text/style.ts'
import { openSession } from '../../postgres/sessions.ts'
import { useDatabase } from '../../support/database.ts'

const db = useDatabase()

function endingsOf() {
  const options = { connectTimeout: 10_000, wait: 5_000, queryText: 'redacted', port: 0 } as const
  const printed: string[] = []
  const invocation: Invocation = {
    ...{ options, operands: [], env: { DATABASE_URL: db.url }, self: 'pg-lifeguard' },
    terminal: {
      print: (text) => void printed.push(text),
      warn() {},
      style: plain,
      confirm: async () => undefined,
    },
  }
  return { ...endings(invocation, options), printed }
}

describe('ending a session from the page', () => {
  it('ends what the preview shows, once, and says so on the terminal', async () => {
    const session = await openSession(db, 'idle')
    await session.run('BEGIN')
    const { preview, end, printed } = endingsOf()
    const { text, ticket = '' } = await preview(session.pid)
    expect(text).toContain('is rolled back')
    expect(await end(ticket, false)).toContain('ended')
    expect(await end(ticket, false)).toBeUndefined()
    expect(printed).toEqual([expect.stringContaining(`pid ${session.pid}  ended`)])
  })

  it('leaves a session alone that has gone on since the preview', async () => {
    const session = await openSession(db, 'working')
    await session.run('BEGIN')
    const { preview, end } = endingsOf()
    const { ticket = '' } = await preview(session.pid)
    await session.run('SELECT 1')
    expect(await end(ticket, false)).toContain('changed')
    await session.run('ROLLBACK')
  })

  it('wants a confirmation of its own for a backup', async () => {
    const session = await openSession(db, 'pg_dump')
    await session.run('BEGIN')
    const { preview, end } = endingsOf()
    const { ticket = '', caution } = await preview(session.pid)
    expect(caution).toContain('backup')
    expect(await end(ticket, false)).toBeUndefined()
    expect(await end(ticket, true)).toContain('ended')
  })

  it('has no ticket for a session that is not there', async () => {
    const { preview } = endingsOf()
    const seen = await preview(2 ** 31 - 2)
    expect(seen).not.toHaveProperty('ticket')
    expect(seen.text).toContain('gone')
  })
})
