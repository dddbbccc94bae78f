import { describe, expect, it } from 'vitest'
import { type Attempt, outcomeOf } from '../../../src/cli/migrate/attempt.ts'
import type { WaitEnd } from '../../../src/cli/migrate/sessions/lock-waits.ts'

const waitEnd = (verdict: WaitEnd['verdict']): WaitEnd => ({
  verdict,
  session: { pid: 1, hidden: false },
  wait: { pid: 1, lockType: 'relation', target: 'datasets', object: 'datasets' },
  millis: 100,
  isCancelled: false,
})

const waits = (last: WaitEnd['verdict'], refusals: readonly WaitEnd[] = []) => ({
  waits: { last: waitEnd(last), isSelfBlocked: false, refusals },
})

const attempt = (code: number, more: Partial<Attempt> = {}): Attempt => ({
  end: { code },
  isInterrupted: false,
  waits: { isSelfBlocked: false, refusals: [] },
  sessionsSeen: 1,
  isUnreached: false,
  looks: 1,
  ...more,
})

describe('the outcome of an attempt', () => {
  it.each([
    ['exit code 0', attempt(0), 'done'],
    ['a failure without a wait', attempt(1), 'failed'],
    ['a failure after the lock was granted', attempt(1, waits('granted')), 'failed'],
    ['a failure after the lock was refused', attempt(1, waits('refused')), 'locks'],
    ['a failure after the lock was granted, as far as it was seen', attempt(1, waits('passed')), 'failed'],
    ['a failure of the victim of a deadlock', attempt(1, waits('deadlock')), 'locks'],
    [
      'a failure of a session that somebody terminated',
      attempt(1, { ...waits('refused'), terminatedPid: 1 }),
      'terminated',
    ],
    ['a failure after a wait as long as the timeout', attempt(1, waits('unknown')), 'locks'],
    ['exit code 0 after a refusal', attempt(0, waits('refused', [waitEnd('refused')])), 'false-success'],
    [
      'a signal to the command',
      attempt(0, { end: { code: 137, signal: 'SIGKILL' }, ...waits('refused') }),
      'failed',
    ],
    ['a signal to this process', attempt(1, { isInterrupted: true, ...waits('refused') }), 'failed'],
  ] as const)('%s', (_name, seen, outcome) => {
    expect(outcomeOf(seen, false)).toBe(outcome)
  })

  it('is success if the exit code is to be trusted', () => {
    expect(outcomeOf(attempt(0, waits('refused', [waitEnd('refused')])), true)).toBe('done')
  })
})
