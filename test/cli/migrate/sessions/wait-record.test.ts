import { describe, expect, it } from 'vitest'
import type { WaitEnd } from '../../../../src/cli/migrate/sessions/lock-waits.ts'
import { waitRecord } from '../../../../src/cli/migrate/sessions/wait-record.ts'
import type { ServerSession, ServerSnapshot } from '../../../../src/postgres/index.ts'

const counters = { sessions: 9, deadlocks: 3, sessionsKilled: 0, deadlockMillis: 1_000 }
const oneMore = { ...counters, deadlocks: 4 }

const session: ServerSession = {
  pid: 1,
  hidden: false,
  backendStart: 'start',
  state: 'active',
  stateChange: 'statement 1',
  query: 'ALTER TABLE datasets',
}
const end = (verdict: WaitEnd['verdict'], millis: number): WaitEnd => ({
  verdict,
  session,
  wait: { pid: 1, lockType: 'relation', target: 'datasets', object: 'datasets' },
  millis,
  isCancelled: false,
})
const seen = (...sessions: ServerSession[]) => ({
  snapshot: { sessions, waits: [] } as unknown as ServerSnapshot,
  own: sessions,
  suspects: [],
})
const goingOn = { ...session, stateChange: 'statement 2', query: 'SELECT 1' }
const aborted = { ...goingOn, state: 'idle in transaction (aborted)' }
const verdicts = (ends: readonly WaitEnd[]) => ends.map(({ verdict }) => verdict)

describe('a wait that passed', () => {
  it('got its lock if its session goes on, and it was too short for a deadlock', () => {
    const record = waitRecord(counters, 5_000)
    expect(verdicts(record.add([end('passed', 200)], seen(goingOn)))).toEqual(['granted'])
    expect(record.last?.verdict).toBe('granted')
  })

  it('is not said to have got its lock while its session is gone, or its transaction has failed', () => {
    for (const now of [seen(), seen(aborted)]) {
      const record = waitRecord(counters, 5_000)
      expect(record.add([end('passed', 200)], now)).toEqual([])
      expect(record.last?.verdict).toBe('passed')
      expect(verdicts(record.close(false, counters))).toEqual([])
      expect(record.last?.verdict).toBe('passed')
    }
  })

  it('got its lock if the command succeeds', () => {
    const record = waitRecord(counters, 5_000)
    record.add([end('passed', 200)], seen())
    expect(verdicts(record.close(true, undefined))).toEqual(['granted'])
  })

  it('was the victim of a deadlock if the server has counted one and the command fails', () => {
    const late = waitRecord(counters, 5_000)
    late.add([end('passed', 1_100)], seen())
    expect(late.wantsCounters).toBe(true)
    expect(verdicts(late.close(false, oneMore))).toEqual(['deadlock'])
    expect(late.last?.verdict).toBe('deadlock')
  })

  it('is undecided while a deadlock was counted: the other one may be the victim, as the exit code shows', () => {
    const record = waitRecord(counters, 5_000)
    expect(record.add([end('passed', 1_100)], seen(goingOn))).toEqual([])
    expect(record.add([], { ...seen(goingOn), counters: oneMore })).toEqual([])
    expect(verdicts(record.close(true, oneMore))).toEqual(['granted'])
    expect(record.refusals).toEqual([])
  })

  it('got its lock if the server has counted no deadlock', () => {
    const record = waitRecord(counters, 5_000)
    record.add([end('passed', 1_100)], seen(goingOn))
    expect(verdicts(record.add([], { ...seen(goingOn), counters }))).toEqual(['granted'])
  })

  it('has nothing to do with the deadlock of others if it was too short for one', () => {
    const record = waitRecord(counters, 5_000)
    record.add([end('passed', 500)], seen())
    expect(record.wantsCounters).toBe(false)
    expect(record.close(false, oneMore)).toEqual([])
  })
})

describe('a wait that was refused', () => {
  it('was the victim of a deadlock if the server has counted one, the lock timeout was not over, and the command fails', () => {
    const record = waitRecord(counters, 5_000)
    expect(verdicts(record.add([end('refused', 1_100)], seen()))).toEqual(['refused'])
    expect(verdicts(record.close(false, oneMore))).toEqual(['deadlock'])
  })

  it('was not, if the lock timeout ended it, or we did', () => {
    for (const one of [end('refused', 5_000), { ...end('refused', 1_100), isCancelled: true }]) {
      const record = waitRecord(counters, 5_000)
      record.add([one], seen())
      expect(record.close(false, oneMore)).toEqual([])
      expect(record.last?.verdict).toBe('refused')
    }
  })

  it('is forgotten once the same statement is seen at work', () => {
    const record = waitRecord(counters, 5_000)
    record.add([end('refused', 5_000)], seen())
    expect(record.refusals).toHaveLength(1)
    record.add([], seen({ ...session, stateChange: 'statement 2' }))
    expect(record.refusals).toEqual([])
  })
})
