import { describe, expect, it } from 'vitest'
import { commitLost, SessionTransaction, statusLetter } from '../../src/client/session-transaction.ts'

const stack = (place: string) => ({ stack: `Error\n    at ${place}` })
const query = (text: string, command?: string) =>
  command === undefined ? { text } : { text, _result: { command } }

describe('the transaction of a session', () => {
  it('counts from when its opener was sent, and knows where', () => {
    const session = new SessionTransaction('I')
    session.sending('BEGIN', stack('begin.ts:1:1'), true)
    expect(session.isOpening).toBe(true)
    expect(session.note('T', query('BEGIN'), 5, 9)).toBe('opened')
    expect(session).toMatchObject({ letter: 'T', since: 5, stack: stack('begin.ts:1:1'), isOpening: false })
    expect(session.note('I', query('COMMIT'), 20, 21)).toBe('ended')
    expect(session.stack).toBeUndefined()
  })

  it('stays one through a failed statement', () => {
    const session = new SessionTransaction('T')
    expect(session.note('E', query('SELECT nonsense'), 5, 6)).toBeUndefined()
    expect(session.letter).toBe('E')
  })

  it('is another one after COMMIT AND CHAIN', () => {
    const session = new SessionTransaction('T')
    session.since = 1
    session.note('T', query('COMMIT AND CHAIN', 'COMMIT'), 50, 60)
    expect(session.since).toBe(60)
  })

  it('does not take the line of an opener that has failed', () => {
    const session = new SessionTransaction('I')
    session.sending('BEGIN', stack('failed.ts:1:1'), true)
    session.sending('BEGIN', stack('second.ts:1:1'), true)
    session.note('T', query('BEGIN'), 5, 6)
    expect(session.stack).toEqual(stack('second.ts:1:1'))
  })

  it('is inherited by the owner who gets it open, until it ends', () => {
    const session = new SessionTransaction('T')
    session.inherit()
    expect(session.inherited).toBe(true)
    session.note('I', query('ROLLBACK'), 1, 2)
    expect(session.inherited).toBe(false)
  })
})

describe('a lost COMMIT', () => {
  it('is one that was answered by ROLLBACK', () => {
    expect(commitLost(query('COMMIT', 'ROLLBACK'))).toBe(true)
    expect(commitLost(query('COMMIT', 'COMMIT'))).toBe(false)
    expect(commitLost(query('ROLLBACK', 'ROLLBACK'))).toBe(false)
    expect(commitLost(undefined)).toBe(false)
  })
})

it('takes a ReadyForQuery without a status for an idle one, as old drivers give it', () => {
  expect([{ status: 'T' }, {}, undefined].map(statusLetter)).toEqual(['T', 'I', 'I'])
})
